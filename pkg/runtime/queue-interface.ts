import type { Clock } from './clock.ts';

export type Priority = 'high' | 'low';

/** What a queue tells a metric registry; `runtimeMetrics` makes one. */
export interface QueueObserver {
  added(): void;
  started(waitedMs: number): void;
  finished(workedMs: number): void;
  retried(): void;
  depth(now: number): void;
  /** The queue is disposed and tells nothing any more. */
  closed?(): void;
}

/**
 * A deduplicating, rate-limited queue of keys (never payloads, so that it holds at most as many entries as there are
 * objects, and nothing stale). A key is never worked twice at once; one that is added while it is worked runs once more.
 */
export interface Queue extends Disposable {
  /** `high` (default) goes before `low`; adding again as `high` raises a waiting key. Ends a delay of the key. */
  add(key: string, options?: { priority?: Priority }): void;
  /**
   * Adds after `ms`; zero and less is at once. Of several delays of one key the earliest counts, since whoever works the
   * key sees everything and says when to look again.
   * @throws RangeError where `ms` is not a number: a timer would fire at once, for ever
   */
  addAfter(key: string, ms: number): void;
  /** Adds after the back-off of that key, which doubles with each call until `forget`. */
  addRateLimited(key: string): void;
  forget(key: string): void;
  /** Next key; waits for one. Rejects with `signal.reason` on abort. */
  take(signal: AbortSignal): Promise<string>;
  /** Must follow every `take`. */
  done(key: string): void;
  /** Keys that wait, without those that are delayed. */
  readonly depth: number;
}

export interface QueueOptions {
  /** For people who look at a heap or a metric; the queue itself does not read it. */
  readonly name: string;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** First back-off of a key; default 5 ms. */
  readonly minBackoffMs?: number;
  /** Longest back-off; default 15 s, since users wait for 5, 10 or 30 s and not for client-go's 1,000. */
  readonly maxBackoffMs?: number;
  readonly observer?: QueueObserver;
}
