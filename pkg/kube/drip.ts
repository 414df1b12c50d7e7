/**
 * Slowest answer that we put up with. A peer that sends a byte a second keeps every time-out between two chunks happy
 * and a connection busy for ever (PEER-32).
 */
const MIN_BYTES_PER_SECOND = 1_000;
/** Rates are judged over whole windows, so that a stall of seconds in a healthy transfer is not a drip. */
const WINDOW_MS = 10_000;

/** Measures the rate of bytes while a body is expected. Times are monotonic milliseconds. */
export interface DripMeter {
  add(bytes: number): void;
  /** True where the window that ends with this call was too slow; false in the middle of a window. */
  isTooSlow(now: number): boolean;
  /** Nothing is expected at the moment (an idle watch): the window starts again. */
  restart(now: number): void;
}

export function dripMeter(startedAt: number): DripMeter {
  const wanted = (MIN_BYTES_PER_SECOND * WINDOW_MS) / 1000;
  let windowStart = startedAt;
  let received = 0;
  const restart = (now: number) => {
    windowStart = now;
    received = 0;
  };
  return {
    add(bytes) {
      received += bytes;
    },
    isTooSlow(now) {
      if (now - windowStart < WINDOW_MS) return false;
      const isSlow = received < wanted;
      restart(now);
      return isSlow;
    },
    restart,
  };
}
