/** Gives equal JSON values one shared object. What it returns is shared: never change it. */
export interface Interner {
  share<T>(value: T): T;
  /** A map of its own with shared texts: for maps of which one value differs from pod to pod. */
  shareTexts(map: Record<string, string>): Record<string, string>;
}

/** Distinct values kept: a node has a few workloads with about ten parts each. The oldest unused one goes first. */
const MAX_VALUES = 2_000;

/** Longer values are rarely equal, and their text would weigh as much as it saves. */
const MAX_LENGTH = 32_768;

/** Scalars pass through. Costs one JSON.stringify a value. */
export function createInterner(maxValues = MAX_VALUES): Interner {
  const values = new Map<string, unknown>();
  const remember = (text: string, value: unknown): unknown => {
    const known = values.get(text);
    values.delete(text); // a Map iterates in order of insertion, so this makes it the youngest
    values.set(text, known ?? value);
    if (values.size > maxValues) {
      const oldest = values.keys().next();
      if (oldest.done !== true) values.delete(oldest.value);
    }
    return known ?? value;
  };
  return {
    share<T>(value: T): T {
      if (typeof value !== 'object' || value === null) return value;
      const text = JSON.stringify(value);
      return text.length > MAX_LENGTH ? value : (remember(text, value) as T);
    },
    shareTexts: (map) =>
      Object.fromEntries(
        Object.entries(map).map(([key, text]) => [
          key,
          text.length > MAX_LENGTH ? text : (remember(`text:${text}`, text) as string),
        ]),
      ),
  };
}
