/**
 * Whether the API server answers, as seen by everything that talks to it. Lets informers that wait in their back-off
 * (up to 30 s) go on as soon as any other request got through: a recovered peer is back within seconds.
 */
export interface Reachability {
  /** The server answered something. */
  answered(): void;
  /** A request got no answer. */
  failed(): void;
  /** Calls `wake` once, at the next answer after a failure. */
  onRecovery(wake: () => void): Disposable;
}

export function createReachability(): Reachability {
  const waiting = new Set<() => void>();
  let hasFailed = false;
  return {
    answered() {
      if (!hasFailed) return;
      hasFailed = false;
      const woken = [...waiting];
      waiting.clear();
      for (const wake of woken) wake();
    },
    failed() {
      hasFailed = true;
    },
    onRecovery(wake) {
      waiting.add(wake);
      return { [Symbol.dispose]: () => void waiting.delete(wake) };
    },
  };
}
