import type { Verdict } from '../object/desired-node.ts';

/**
 * Not ready after this long without an answer. A loss must show within 20 s (NODE-13) and an interruption of 8 s must
 * not (NODE-16): 8 s, plus 2 s since the last probe before it, plus 2 s until the next one after it, makes 12; the 6 s
 * that are left are for writing the Node.
 */
const LOSS_MS = 14_000;
/** Guards against a stalled process: silence alone, without failed probes, is no loss. */
const MIN_FAILURES = 3;

type ProbeFailure = 'ProviderUnreachable' | 'ProviderFailing' | 'CredentialRefused';

export type ProbeResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: ProbeFailure; readonly message: string };

/** Turns single probes into a verdict that does not flap. Times are monotonic milliseconds. */
export interface HealthState {
  /** Takes one result; true when the verdict changed. */
  observe(result: ProbeResult, nowMs: number): boolean;
  readonly verdict: Verdict;
  /** When the provider answered last; undefined when it never did. */
  readonly answeredAtMs: number | undefined;
}

/**
 * @param wasReady what the Node said before this process took it over: a hand-over must not change it by itself
 * @param healthy the sentence of `Ready` while all is well; it holds nothing that changes, or it would cost writes
 */
export function healthState(options: {
  wasReady: boolean;
  startMs: number;
  healthy: Verdict;
  unknown: Verdict;
}): HealthState {
  const { startMs, healthy } = options;
  let verdict = options.wasReady ? healthy : options.unknown;
  let answeredAtMs: number | undefined;
  let failures = 0;
  return {
    observe(result, nowMs) {
      const before = verdict;
      if (result.ok) {
        failures = 0;
        answeredAtMs = nowMs;
        verdict = healthy;
        return before !== verdict;
      }
      failures++;
      const silentMs = nowMs - (answeredAtMs ?? startMs);
      const isLost = failures >= MIN_FAILURES && silentMs >= LOSS_MS;
      if (!verdict.ok ? verdict.reason !== result.reason : isLost) {
        // While it stays lost for one reason the first sentence stays: causes that alternate would cost writes.
        verdict = { ok: false, reason: result.reason, message: result.message };
      }
      return before !== verdict;
    },
    get verdict() {
      return verdict;
    },
    get answeredAtMs() {
      return answeredAtMs;
    },
  };
}
