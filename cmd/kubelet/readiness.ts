/** Whether a virtual node is Ready, as its health and its pods share it. */
export interface Readiness {
  readonly isReady: () => boolean;
  set(isReady: boolean): void;
  on(handler: () => void): Disposable;
}

/** Not ready until it is told. */
export function readiness(): Readiness {
  const handlers = new Set<() => void>();
  let current = false;
  return {
    isReady: () => current,
    set(next) {
      if (next === current) return;
      current = next;
      for (const handler of handlers) handler();
    },
    on(handler) {
      handlers.add(handler);
      return { [Symbol.dispose]: () => void handlers.delete(handler) };
    },
  };
}
