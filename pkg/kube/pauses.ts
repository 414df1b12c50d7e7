import { decorrelatedJitter } from '#pkg/runtime';
import { KubeError } from './errors.ts';

/** First and longest pause between two attempts of an informer. */
const MIN_MS = 800;
const MAX_MS = 30_000;
/** A connection that held so long was healthy: the next failure begins with short pauses again. */
const HEALTHY_MS = 2 * 60_000;
/** A watch that the server ends sooner than this is not the ordinary end after minutes. */
const SHORT_MS = 5_000;
/** Many watches end together when an API server restarts; spread them a little. */
const SPREAD_MS = 250;
/** Too many or too large objects: reading them all again costs as much as the first time. */
const TOO_LARGE_MS = 60_000;

/** How long an informer waits before its next attempt. */
export interface Pauses {
  /**
   * @param error what ended the last attempt; undefined where the server ended it in good order
   * @param lastedMs how long that attempt lasted
   */
  after(error: unknown, lastedMs: number): number;
  /**
   * The server was seen to answer again after an outage. One that has just started refuses some requests for a moment (403
   * while its rules are read, 429 and 503): those tries begin with short pauses, not with the long ones of the outage.
   */
  recovered(): void;
}

export function pauses(random: () => number): Pauses {
  const backoff = decorrelatedJitter({ minMs: MIN_MS, maxMs: MAX_MS, random });
  let hasJustRelisted = false;
  return {
    after(error, lastedMs) {
      if (lastedMs >= HEALTHY_MS) backoff.reset();
      const isGone = error instanceof KubeError && error.isGone;
      const isFirstGone = isGone && !(hasJustRelisted && lastedMs < HEALTHY_MS);
      hasJustRelisted = isGone;
      if ((error === undefined && lastedMs >= SHORT_MS) || isFirstGone) return random() * SPREAD_MS;
      if (error instanceof KubeError && error.code === 'TooLarge') return TOO_LARGE_MS;
      const wanted = error instanceof KubeError ? error.retryAfterMs : undefined;
      // Up to a fifth on top: all clients were told the same time.
      return wanted === undefined ? backoff.next() : wanted * (1 + random() / 5);
    },
    recovered: () => backoff.reset(),
  };
}
