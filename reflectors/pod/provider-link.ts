import { KubeError } from '#pkg/kube';
import type { Clock } from '#pkg/runtime';
import { PodError } from './errors.ts';

/**
 * Calls to the provider's API server. When it stops answering, calls fail at once instead of filling all workers for the
 * length of a time-out each: the pods of this node still need their status at home written (kubernetes-facts 9).
 */
export interface ProviderLink {
  /** Since when nothing was answered; undefined while the provider answers, or was not asked yet. */
  readonly downSince: Date | undefined;
  /**
   * Runs one request. Errors that the API server answered pass through as they are.
   * @throws PodError `ProviderUnreachable` (retryable) where no answer came, or none is to be expected now
   */
  call<T>(request: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** `handler` runs when the provider answers again after it did not. */
  onRecovery(handler: () => void): Disposable;
}

/** An answer that takes longer is none: writes to a healthy API server take milliseconds. */
const CALL_TIMEOUT_MS = 10_000;

/** While the provider does not answer, one request in that time is let through to see whether it does again. */
const PROBE_INTERVAL_MS = 2_000;

export function createProviderLink({ peer, clock }: { peer: string; clock: Clock }): ProviderLink {
  const handlers = new Set<() => void>();
  let downSince: Date | undefined;
  let nextProbeAtMs = 0;

  const answered = () => {
    if (downSince === undefined) return;
    downSince = undefined;
    for (const handler of handlers) handler();
  };
  const failed = (cause: unknown): PodError => {
    downSince ??= clock.wall();
    nextProbeAtMs = clock.now() + PROBE_INTERVAL_MS;
    return unreachableError(peer, cause);
  };

  return {
    get downSince() {
      return downSince;
    },
    async call(request, signal) {
      if (downSince !== undefined) {
        if (clock.now() < nextProbeAtMs) throw unreachableError(peer, undefined);
        nextProbeAtMs = clock.now() + PROBE_INTERVAL_MS;
      }
      const timeout = AbortSignal.timeout(CALL_TIMEOUT_MS);
      try {
        const answer = await request(AbortSignal.any([signal, timeout]));
        answered();
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        if (timeout.aborted || (error instanceof KubeError && error.isConnection)) throw failed(error);
        answered();
        throw error;
      }
    },
    onRecovery(handler) {
      handlers.add(handler);
      return { [Symbol.dispose]: () => void handlers.delete(handler) };
    },
  };
}

function unreachableError(peer: string, cause: unknown): PodError {
  const why = cause instanceof Error ? cause.message : 'it did not answer a moment ago';
  return new PodError(
    'ProviderUnreachable',
    { attempted: 'write pods', where: `API server of ${peer}`, why },
    { cause },
  );
}
