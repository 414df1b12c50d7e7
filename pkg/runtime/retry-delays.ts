import type { Clock } from './clock.ts';

/** How long failed keys of one queue wait before they are tried again. */
export interface RetryDelays {
  /** Counts one more failure of the key. Milliseconds until its next try, at most `maxMs`. */
  next(key: string): number;
  /** The key has succeeded, or is gone. */
  forget(key: string): void;
}

export interface RetryDelayOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly minMs: number;
  readonly maxMs: number;
}

/** Retries of all keys together: 10 a second, burst 100, as client-go's default controller rate limiter. */
const RATE_PER_MS = 10 / 1000;
const BURST = 100;

/** Doubling 5 ms so often is past any `maxMs`; keeps the power finite. */
const MOST_DOUBLINGS = 30;

/**
 * Exponential per key, and one token bucket over all keys. No wait is longer than `maxMs`: users count in 5, 10 and 30 s,
 * so with more failing keys than the bucket serves in `maxMs` each is tried about once per `maxMs`. For the same reason
 * the debt of the bucket ends at `maxMs`: a provider that was away with 10,000 objects would otherwise slow down every
 * retry for a quarter of an hour after its return.
 */
export function retryDelays({ clock, random, minMs, maxMs }: RetryDelayOptions): RetryDelays {
  const failures = new Map<string, number>();
  let tokens = BURST;
  let tokensAt = clock.now();

  const bucketMs = (): number => {
    const now = clock.now();
    const refilled = Math.min(BURST, tokens + (now - tokensAt) * RATE_PER_MS);
    tokens = Math.max(-maxMs * RATE_PER_MS, refilled - 1);
    tokensAt = now;
    return tokens >= 0 ? 0 : -tokens / RATE_PER_MS;
  };
  return {
    next(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      const exponential = minMs * 2 ** Math.min(count, MOST_DOUBLINGS);
      // Up to 10 % earlier, so that keys that failed together spread.
      return Math.min(maxMs, Math.max(exponential, bucketMs())) * (1 - random() * 0.1);
    },
    forget: (key) => void failures.delete(key),
  };
}
