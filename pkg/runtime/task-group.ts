import { type Backoff, decorrelatedJitter } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';
import { messageOf } from './coded-error.ts';
import type { Log } from './log.ts';

/**
 * Loops that live and end together: one signal, the first error stops all, and stopping awaits them in reverse order of
 * their start.
 */
export class TaskGroup implements AsyncDisposable {
  readonly #controller = new AbortController();
  readonly #tasks: { name: string; promise: Promise<void> }[] = [];
  readonly #failed = Promise.withResolvers<never>();
  readonly signal: AbortSignal;

  constructor(parent: AbortSignal) {
    this.signal = AbortSignal.any([parent, this.#controller.signal]);
    this.#failed.promise.catch(() => {}); // heard through `settled`; nobody may be listening yet
  }

  /** Starts a loop that ends when its signal aborts. One that ends earlier without an error just ends. */
  start(name: string, run: (signal: AbortSignal) => Promise<void>): void {
    const promise = Promise.try(run, this.signal).catch((error: unknown) => {
      if (this.signal.aborted) return; // the usual way to end: rejected with the reason of the signal
      this.#failed.reject(new Error(`${name}: ${messageOf(error)}`, { cause: error }));
      this.#controller.abort(error);
    });
    this.#tasks.push({ name, promise });
  }

  /** Resolves when the group was stopped, rejects with the first error. */
  get settled(): Promise<void> {
    const stopped = new Promise<void>((done) => {
      if (this.signal.aborted) done();
      else this.signal.addEventListener('abort', () => done(), { once: true });
    });
    return Promise.race([
      this.#failed.promise,
      stopped.then(() => Promise.all(this.#tasks.map((task) => task.promise))),
    ]).then(() => {});
  }

  /** Aborts all and waits for them. Safe to call twice. */
  async stop(): Promise<void> {
    this.#controller.abort(new Error('stopped'));
    for (const { promise } of this.#tasks.toReversed()) await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export interface KeyedTasks extends AsyncDisposable {
  /** Keys that must have a running task; others are stopped. */
  set(keys: Iterable<string>): void;
  /** Stops the task of the key and starts it anew, if it is wanted. */
  restart(key: string): void;
  keys(): string[];
}

export interface KeyedTaskOptions {
  readonly log: Log;
  readonly clock?: Clock;
  /** Back-off between restarts of one key; default 0.5–15 s. */
  readonly backoff?: () => Backoff;
}

/**
 * Keeps one task per wanted key. One that fails is started again with back-off; the failure of one key never touches
 * another. A key that leaves and returns starts only after its old task has ended.
 */
export function keyedTasks(
  parent: AbortSignal,
  run: (key: string, signal: AbortSignal) => Promise<void>,
  { log, clock = systemClock, backoff = () => decorrelatedJitter({ minMs: 500, maxMs: 15_000 }) }: KeyedTaskOptions,
): KeyedTasks {
  const running = new Map<string, { stop: AbortController; ended: Promise<void> }>();
  const ending = new Map<string, Promise<void>>();

  const loop = async (key: string, signal: AbortSignal, before: Promise<void> | undefined) => {
    await before;
    const wait = backoff();
    while (!signal.aborted) {
      try {
        await run(key, signal);
        if (!signal.aborted) log.warn({ key }, 'task ended early');
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ key, error: messageOf(error) }, 'task failed');
      }
      if (!signal.aborted) await clock.sleep(wait.next(), signal).catch(() => {}); // aborted: the loop ends
    }
  };
  const start = (key: string) => {
    if (parent.aborted) return;
    const stop = new AbortController();
    const ended = loop(key, AbortSignal.any([parent, stop.signal]), ending.get(key));
    running.set(key, { stop, ended });
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
    async [Symbol.asyncDispose]() {
      for (const key of running.keys()) end(key);
      await Promise.allSettled(ending.values());
    },
  };
}
