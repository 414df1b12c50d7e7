/** Resources that others have put onto one Node: told where the Node is kept, read where its pods are made. */
export interface ForeignResources {
  /** Keys; none until the Node was read. */
  readonly get: () => readonly string[];
  readonly set: (keys: readonly string[]) => void;
  /** Resolves once the Node was read, or `signal` aborts. */
  known(signal: AbortSignal): Promise<void>;
}

export function foreignResources(): ForeignResources {
  const first = Promise.withResolvers<void>();
  let current: readonly string[] = [];
  return {
    get: () => current,
    set(keys) {
      current = keys;
      first.resolve();
    },
    async known(signal) {
      const onAbort = () => first.resolve();
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      await first.promise;
      signal.removeEventListener('abort', onAbort);
    },
  };
}
