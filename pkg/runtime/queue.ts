import { type Clock, systemClock } from './clock.ts';

export type Priority = 'high' | 'low';

/** What the queue tells a metric registry; names in `metrics.ts`. */
export interface QueueObserver {
  added(): void;
  started(waitedMs: number): void;
  finished(workedMs: number): void;
  retried(): void;
  depth(now: number): void;
}

/**
 * A deduplicating, rate-limited queue of keys (never payloads, so that it holds at most as many entries as there are
 * objects, and nothing stale). A key is never worked twice at once; one that is added while it is worked runs once more.
 */
export interface Queue extends Disposable {
  /** `high` (default) goes before `low`; adding again as `high` raises a waiting key. */
  add(key: string, options?: { priority?: Priority }): void;
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
  readonly name: string;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** First back-off of a key; default 5 ms. */
  readonly minBackoffMs?: number;
  /** Longest back-off; default 15 s, since users wait for 5, 10 or 30 s and not for client-go's 1,000. */
  readonly maxBackoffMs?: number;
  readonly observer?: QueueObserver;
}

/** Retries of all keys together: 10 a second, burst 100, as client-go's default controller rate limiter. */
const RETRY_RATE_PER_MS = 10 / 1000;
const RETRY_BURST = 100;

export function createQueue(options: QueueOptions): Queue {
  const { clock = systemClock, random = Math.random, minBackoffMs = 5, maxBackoffMs = 15_000, observer } = options;
  const waiting = { high: new Map<string, number>(), low: new Map<string, number>() };
  const processing = new Map<string, number>();
  /** Keys that were added while they were worked. */
  const again = new Map<string, Priority>();
  const failures = new Map<string, number>();
  const delayed = new Map<string, { at: number; timer: Disposable }>();
  const takers: { resolve: (key: string) => void }[] = [];
  let tokens = RETRY_BURST;
  let tokensAt = clock.now();
  let closed = false;

  const pop = (): string | undefined => {
    for (const band of [waiting.high, waiting.low]) {
      const first = band.entries().next();
      if (first.done) continue;
      const [key, since] = first.value;
      band.delete(key);
      processing.set(key, clock.now());
      observer?.started(clock.now() - since);
      observer?.depth(waiting.high.size + waiting.low.size);
      return key;
    }
    return undefined;
  };
  const dispatch = () => {
    while (takers.length > 0) {
      const key = pop();
      if (key === undefined) return;
      takers.shift()?.resolve(key);
    }
  };
  const cancelDelay = (key: string) => {
    delayed.get(key)?.timer[Symbol.dispose]();
    delayed.delete(key);
  };
  const add = (key: string, priority: Priority) => {
    if (closed) return;
    cancelDelay(key);
    if (processing.has(key)) {
      if (again.get(key) !== 'high') again.set(key, priority);
      return;
    }
    if (waiting.high.has(key)) return;
    const since = waiting.low.get(key);
    if (since !== undefined && priority === 'low') return;
    if (since !== undefined) waiting.low.delete(key);
    waiting[priority].set(key, since ?? clock.now());
    if (since === undefined) observer?.added();
    observer?.depth(waiting.high.size + waiting.low.size);
    dispatch();
  };
  const addAfter = (key: string, ms: number) => {
    if (closed) return;
    if (ms <= 0) {
      add(key, 'high');
      return;
    }
    const at = clock.now() + ms;
    const standing = delayed.get(key);
    if (standing !== undefined && standing.at <= at) return; // an earlier look comes anyway
    cancelDelay(key);
    const timer = clock.timer(() => {
      delayed.delete(key);
      add(key, 'high');
    }, ms);
    delayed.set(key, { at, timer });
  };
  /** Wait of the token bucket that all retries share. */
  const bucketDelayMs = (): number => {
    const now = clock.now();
    tokens = Math.min(RETRY_BURST, tokens + (now - tokensAt) * RETRY_RATE_PER_MS) - 1;
    tokensAt = now;
    return tokens >= 0 ? 0 : -tokens / RETRY_RATE_PER_MS;
  };

  return {
    add: (key, { priority = 'high' } = {}) => add(key, priority),
    addAfter,
    addRateLimited(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      const exponential = Math.min(maxBackoffMs, minBackoffMs * 2 ** Math.min(count, 30));
      observer?.retried();
      // Up to 10 % earlier, so that keys that failed together spread.
      addAfter(key, Math.min(maxBackoffMs, Math.max(exponential * (1 - random() * 0.1), bucketDelayMs())));
    },
    forget: (key) => void failures.delete(key),
    take(signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      const key = pop();
      if (key !== undefined) return Promise.resolve(key);
      return new Promise((resolve, reject) => {
        const taker = {
          resolve: (next: string) => {
            signal.removeEventListener('abort', onAbort);
            resolve(next);
          },
        };
        const onAbort = () => {
          takers.splice(takers.indexOf(taker), 1);
          reject(signal.reason);
        };
        signal.addEventListener('abort', onAbort, { once: true });
        takers.push(taker);
      });
    },
    done(key) {
      const started = processing.get(key);
      if (started === undefined) return;
      processing.delete(key);
      observer?.finished(clock.now() - started);
      const priority = again.get(key);
      again.delete(key);
      if (priority !== undefined) add(key, priority);
    },
    get depth() {
      return waiting.high.size + waiting.low.size;
    },
    [Symbol.dispose]() {
      closed = true;
      for (const { timer } of delayed.values()) timer[Symbol.dispose]();
      delayed.clear();
      waiting.high.clear();
      waiting.low.clear();
    },
  };
}
