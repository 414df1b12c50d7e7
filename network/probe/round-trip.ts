/** RFC 6298 section 2: weights of a new sample, and how many deviations a wait is longer than the mean. */
const ALPHA = 1 / 8;
const BETA = 1 / 4;
const K = 4;

/** Before the first sample (RFC 6298 section 2.1). */
const INITIAL_TIMEOUT_MS = 1_000;

/** Below, a short pause of either process would look like a loss. */
const MIN_TIMEOUT_MS = 250;

/** Slower paths are not worth a node: a pod there would wait seconds for each request. */
const MAX_TIMEOUT_MS = 2_000;

/** Smoothed round-trip time of one path, and how long to wait for an answer. */
export class RoundTrip {
  #last: number | undefined;
  #smoothed = 0;
  #deviation = 0;

  add(sampleMs: number): void {
    if (this.#last === undefined) {
      this.#smoothed = sampleMs;
      this.#deviation = sampleMs / 2;
    } else {
      this.#deviation = (1 - BETA) * this.#deviation + BETA * Math.abs(this.#smoothed - sampleMs);
      this.#smoothed = (1 - ALPHA) * this.#smoothed + ALPHA * sampleMs;
    }
    this.#last = sampleMs;
  }

  /** Milliseconds; `undefined` before the first sample. */
  get lastMs(): number | undefined {
    return this.#last;
  }

  /** Milliseconds; `undefined` before the first sample. */
  get smoothedMs(): number | undefined {
    return this.#last === undefined ? undefined : this.#smoothed;
  }

  /** Milliseconds after which a probe counts as lost. */
  get timeoutMs(): number {
    if (this.#last === undefined) return INITIAL_TIMEOUT_MS;
    return Math.min(MAX_TIMEOUT_MS, Math.max(MIN_TIMEOUT_MS, this.#smoothed + K * this.#deviation));
  }
}
