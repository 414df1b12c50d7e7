/**
 * An AbortController that follows a parent until it is disposed. In place of `AbortSignal.any` where a child is made per
 * run of a loop: a composite signal on which somebody leaves a listener stays in memory until the parent aborts.
 */
export class LinkedAbort implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  readonly #follow = () => this.#controller.abort(this.#parent.reason);

  constructor(parent: AbortSignal) {
    this.#parent = parent;
    if (parent.aborted) this.#follow();
    else parent.addEventListener('abort', this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#controller.abort(reason);
    this[Symbol.dispose]();
  }

  /** Lets go of the parent without aborting. */
  [Symbol.dispose](): void {
    this.#parent.removeEventListener('abort', this.#follow);
  }
}
