import type { Clock } from '#pkg/runtime';
import { KubeError } from './errors.ts';

export interface Deadline extends Disposable {
  /** Aborts with the parent's reason, or with a KubeError `Unreachable` when time is up. */
  readonly signal: AbortSignal;
}

/**
 * A signal for one request. Not `AbortSignal.any` with `AbortSignal.timeout`: those keep the request reachable from a
 * parent that lives as long as the process, and a burst makes thousands of requests.
 */
export function deadline(
  clock: Clock,
  parent: AbortSignal | undefined,
  timeoutMs: number,
  facts: { attempted: string; where: string },
): Deadline {
  const controller = new AbortController();
  const follow = () => controller.abort(parent?.reason);
  if (parent?.aborted === true) follow();
  parent?.addEventListener('abort', follow, { once: true });
  const timer = clock.timer(() => {
    controller.abort(
      new KubeError('Unreachable', { ...facts, why: `no complete answer within ${timeoutMs / 1000} s` }),
    );
  }, timeoutMs);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      parent?.removeEventListener('abort', follow);
      timer[Symbol.dispose]();
    },
  };
}
