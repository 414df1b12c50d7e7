/** A set of handlers that are told together; each can be taken away. */
export function handlers(): { on(handler: () => void): Disposable; tell(): void } {
  const all = new Set<() => void>();
  return {
    on(handler) {
      const own = () => handler(); // the same function may be handed in twice
      all.add(own);
      return { [Symbol.dispose]: () => void all.delete(own) };
    },
    tell: () => all.forEach((handler) => handler()),
  };
}
