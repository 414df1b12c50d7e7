import { systemClock } from './clock.ts';
import { Fifo } from './fifo.ts';
import type { Priority, Queue, QueueOptions } from './queue-interface.ts';
import { retryDelays } from './retry-delays.ts';
import { createTakers } from './takers.ts';

/** See `Queue`. Starts nothing: timers run only while a key is delayed. */
export function createQueue(options: QueueOptions): Queue {
  const { clock = systemClock, random = Math.random, minBackoffMs = 5, maxBackoffMs = 15_000, observer } = options;
  /** Keys that wait, with the time since when. */
  const waiting: Record<Priority, Fifo<number>> = { high: new Fifo(), low: new Fifo() };
  /** Keys that are worked, with the time of their start. */
  const processing = new Map<string, number>();
  /** Keys that were added while they were worked. */
  const again = new Map<string, Priority>();
  const delayed = new Map<string, { at: number; timer: Disposable }>();
  const retries = retryDelays({ clock, random, minMs: minBackoffMs, maxMs: maxBackoffMs });
  let isClosed = false;

  const depth = () => waiting.high.size + waiting.low.size;
  const takers = createTakers(() => {
    const [key, since] = waiting.high.shift() ?? waiting.low.shift() ?? [];
    if (key === undefined || since === undefined) return undefined;
    const now = clock.now();
    processing.set(key, now);
    observer?.started(now - since);
    observer?.depth(depth());
    return key;
  });
  const cancelDelay = (key: string) => {
    delayed.get(key)?.timer[Symbol.dispose]();
    delayed.delete(key);
  };
  const add = (key: string, priority: Priority) => {
    if (isClosed) return;
    cancelDelay(key);
    if (processing.has(key)) {
      if (again.get(key) !== 'high') again.set(key, priority);
      return;
    }
    if (waiting.high.has(key)) return;
    const since = waiting.low.get(key);
    if (since !== undefined && priority === 'low') return;
    waiting.low.delete(key);
    waiting[priority].push(key, since ?? clock.now());
    if (since === undefined) observer?.added();
    observer?.depth(depth());
    takers.serve();
  };
  const addAfter = (key: string, ms: number) => {
    if (Number.isNaN(ms)) throw new RangeError(`the delay of key ${key} is not a number`);
    if (isClosed) return;
    if (ms <= 0) {
      add(key, 'high');
      return;
    }
    const at = clock.now() + ms;
    const standing = delayed.get(key);
    if (standing !== undefined && standing.at <= at) return;
    cancelDelay(key);
    const timer = clock.timer(() => {
      delayed.delete(key);
      add(key, 'high');
    }, ms);
    delayed.set(key, { at, timer });
  };

  return {
    add: (key, { priority = 'high' } = {}) => add(key, priority),
    addAfter,
    addRateLimited(key) {
      observer?.retried();
      addAfter(key, retries.next(key));
    },
    forget: (key) => retries.forget(key),
    take: (signal) => takers.take(signal),
    done(key) {
      const started = processing.get(key);
      if (started === undefined) return;
      processing.delete(key);
      if (!isClosed) observer?.finished(clock.now() - started);
      const priority = again.get(key);
      again.delete(key);
      if (priority !== undefined) add(key, priority);
    },
    get depth() {
      return depth();
    },
    [Symbol.dispose]() {
      if (isClosed) return;
      isClosed = true;
      for (const { timer } of delayed.values()) timer[Symbol.dispose]();
      delayed.clear();
      waiting.high.clear();
      waiting.low.clear();
      observer?.closed?.();
    },
  };
}
