/** How long to wait before the next try. */
export interface Backoff {
  /** Milliseconds; grows from call to call. */
  next(): number;
  reset(): void;
}

export interface JitterOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** Uniform in [0, 1); default Math.random. */
  readonly random?: () => number;
}

/**
 * Decorrelated jitter: uniform between `minMs` and three times the last wait, at most `maxMs`, so that clients that failed
 * together do not come back together.
 */
export function decorrelatedJitter({ minMs, maxMs, random = Math.random }: JitterOptions): Backoff {
  let last = minMs;
  return {
    next() {
      last = Math.min(maxMs, minMs + random() * (last * 3 - minMs));
      return last;
    },
    reset() {
      last = minMs;
    },
  };
}
