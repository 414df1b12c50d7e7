import { type Backoff, decorrelatedJitter } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';
import { LinkedAbort } from './linked-abort.ts';
import { errorFields, type Log } from './log.ts';

export interface KeyedTasks extends AsyncDisposable {
  /** Keys that must have a running task; others are stopped. */
  set(keys: Iterable<string>): void;
  /** Stops the task of the key and starts it anew, if it is wanted. */
  restart(key: string): void;
  /** Keys that are wanted. */
  keys(): string[];
  /** Resolves when the tasks that were stopped until now have ended. */
  stopped(): Promise<void>;
}

export interface KeyedTaskOptions {
  readonly log: Log;
  readonly clock?: Clock;
  /** Back-off between restarts of one key; default 0.5–15 s. */
  readonly backoff?: () => Backoff;
}

/** A task that ran this long was healthy: its next failure is a new one, not the next of a row. */
const HEALTHY_MS = 60_000;

interface Running {
  readonly stop: LinkedAbort;
  readonly ended: Promise<void>;
}

/**
 * Keeps one task per wanted key. One that ends or fails is started again with back-off; the failure of one key never
 * touches another. A key that leaves and returns starts only after its old task has ended.
 */
export function keyedTasks(
  parent: AbortSignal,
  run: (key: string, signal: AbortSignal) => Promise<void>,
  { log, clock = systemClock, backoff = () => decorrelatedJitter({ minMs: 500, maxMs: 15_000 }) }: KeyedTaskOptions,
): KeyedTasks {
  const running = new Map<string, Running>();
  /** Tasks that were told to stop, by key: the next of that key waits for them. */
  const ending = new Map<string, Promise<void>>();
  let isClosed = false;

  const loop = async (key: string, stop: LinkedAbort, before: Promise<void> | undefined) => {
    using _letGo = stop;
    const { signal } = stop;
    await before;
    const wait = backoff();
    while (!signal.aborted) {
      const started = clock.now();
      try {
        await run(key, signal);
        if (!signal.aborted) log.warn({ key }, 'task ended early');
      } catch (error) {
        if (signal.aborted) return; // the usual way to end: rejected with the reason of the signal
        log.warn({ key, ...errorFields(error) }, 'task failed');
      }
      if (clock.now() - started >= HEALTHY_MS) wait.reset();
      if (!signal.aborted) await clock.sleep(wait.next(), signal).catch(() => {}); // aborted: the loop ends
    }
  };
  const start = (key: string) => {
    if (isClosed || parent.aborted) return;
    const stop = new LinkedAbort(parent);
    running.set(key, { stop, ended: loop(key, stop, ending.get(key)) });
  };
  const end = (key: string) => {
    const task = running.get(key);
    if (task === undefined) return;
    running.delete(key);
    task.stop.abort(new Error('no longer wanted'));
    const gone = task.ended.finally(() => {
      if (ending.get(key) === gone) ending.delete(key);
    });
    ending.set(key, gone);
  };
  return {
    set(keys) {
      const wanted = new Set(keys);
      for (const key of running.keys()) if (!wanted.has(key)) end(key);
      for (const key of wanted) if (!running.has(key)) start(key);
    },
    restart(key) {
      if (!running.has(key)) return;
      end(key);
      start(key);
    },
    keys: () => [...running.keys()],
    async stopped() {
      await Promise.allSettled(ending.values());
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      for (const key of running.keys()) end(key);
      await Promise.all(ending.values());
    },
  };
}
