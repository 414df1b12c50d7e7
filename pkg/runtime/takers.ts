/** Those who wait for a key, served in the order in which they came. */
export interface Takers {
  /** A key at once where there is one; otherwise waits. Rejects with `signal.reason` on abort, and then takes none. */
  take(signal: AbortSignal): Promise<string>;
  /** Hands out what there is; to be called whenever a key has come. */
  serve(): void;
}

/** @param next takes a key out of what waits, or undefined where nothing does */
export function createTakers(next: () => string | undefined): Takers {
  const waiting = new Set<(key: string) => void>();
  return {
    take(signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      const key = next();
      if (key !== undefined) return Promise.resolve(key);
      return new Promise((resolve, reject) => {
        const onKey = (taken: string) => {
          signal.removeEventListener('abort', onAbort);
          resolve(taken);
        };
        const onAbort = () => {
          waiting.delete(onKey);
          reject(signal.reason);
        };
        signal.addEventListener('abort', onAbort, { once: true });
        waiting.add(onKey);
      });
    },
    serve() {
      for (const onKey of waiting) {
        const key = next();
        if (key === undefined) return;
        waiting.delete(onKey);
        onKey(key);
      }
    },
  };
}
