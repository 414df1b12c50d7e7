import { messageOf } from './coded-error.ts';

/**
 * Loops that live and end together: one signal, the first error stops all, and stopping awaits them in reverse order of
 * their start.
 */
export class TaskGroup implements AsyncDisposable {
  readonly #controller = new AbortController();
  /** Those that have not ended, in the order of their start. */
  readonly #tasks = new Set<Promise<void>>();
  readonly #failed = Promise.withResolvers<never>();
  readonly signal: AbortSignal;

  constructor(parent: AbortSignal) {
    this.signal = AbortSignal.any([parent, this.#controller.signal]);
    this.#failed.promise.catch(() => {}); // heard through `settled`; nobody may be listening yet
  }

  /**
   * Starts a loop that ends when its signal aborts. One that ends earlier without an error just ends. After the end of the
   * group nothing starts any more.
   */
  start(name: string, run: (signal: AbortSignal) => Promise<void>): void {
    if (this.signal.aborted) return;
    const task = Promise.try(run, this.signal)
      .catch((error: unknown) => {
        if (this.signal.aborted) return; // the usual way to end: rejected with the reason of the signal
        this.#failed.reject(new Error(`${name}: ${messageOf(error)}`, { cause: error }));
        this.#controller.abort(error);
      })
      .finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  /** Resolves when the group was stopped and all have ended, rejects with the first error at once. */
  get settled(): Promise<void> {
    const stopped = new Promise<void>((done) => {
      if (this.signal.aborted) done();
      else this.signal.addEventListener('abort', () => done(), { once: true });
    });
    return Promise.race([this.#failed.promise, stopped.then(() => this.#ended())]);
  }

  /** Aborts all and waits for them. Safe to call twice. */
  async stop(): Promise<void> {
    this.#controller.abort(new Error('stopped'));
    await this.#ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #ended(): Promise<void> {
    for (const task of [...this.#tasks].toReversed()) await task;
  }
}
