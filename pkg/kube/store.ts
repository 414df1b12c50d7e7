import type { KubeObject } from './object.ts';

/** Names a secondary index; gives the values under which an object is found. Pure. */
export type Indexers<T> = Readonly<Record<string, (object: T) => string[]>>;

/** The objects of an informer by `namespace/name`, with secondary indexes. Never evicts: a missing object is a wrong answer. */
export interface Store<T extends KubeObject> {
  get(key: string): T | undefined;
  list(): T[];
  /** Objects with that value; throws TypeError for an index that was not declared. */
  byIndex(index: string, value: string): T[];
  /** Puts the object in the place of what the key held, which is returned. `bytes` is its size as JSON. */
  set(key: string, object: T, bytes: number): T | undefined;
  delete(key: string): T | undefined;
  keys(): MapIterator<string>;
  /** Size of one object as JSON; 0 where there is none. */
  bytesOf(key: string): number;
  readonly size: number;
  /** Sum of the sizes given to `set`. */
  readonly bytes: number;
}

export function createStore<T extends KubeObject>(indexers: Indexers<T> = {}): Store<T> {
  const entries = new Map<string, { readonly object: T; readonly bytes: number }>();
  const indexes = new Map(Object.entries(indexers).map(([name, valuesOf]) => [name, createIndex(valuesOf)]));
  let total = 0;

  return {
    get: (key) => entries.get(key)?.object,
    list: () => Array.from(entries.values(), (entry) => entry.object),
    byIndex(name, value) {
      const index = indexes.get(name);
      if (index === undefined) throw new TypeError(`no index "${name}" was declared`);
      const found: T[] = [];
      for (const key of index.keysOf(value)) {
        const entry = entries.get(key);
        if (entry !== undefined) found.push(entry.object);
      }
      return found;
    },
    set(key, object, bytes) {
      const old = entries.get(key);
      for (const index of indexes.values()) {
        if (old !== undefined) index.remove(key, old.object);
        index.add(key, object);
      }
      entries.set(key, { object, bytes });
      total += bytes - (old?.bytes ?? 0);
      return old?.object;
    },
    delete(key) {
      const old = entries.get(key);
      if (old === undefined) return undefined;
      for (const index of indexes.values()) index.remove(key, old.object);
      entries.delete(key);
      total -= old.bytes;
      return old.object;
    },
    keys: () => entries.keys(),
    bytesOf: (key) => entries.get(key)?.bytes ?? 0,
    get size() {
      return entries.size;
    },
    get bytes() {
      return total;
    },
  };
}

/** Holds keys, not objects: an object is replaced in one place. */
function createIndex<T>(valuesOf: (object: T) => string[]) {
  const keys = new Map<string, Set<string>>();
  return {
    keysOf: (value: string): Iterable<string> => keys.get(value) ?? [],
    add(key: string, object: T) {
      for (const value of valuesOf(object)) {
        const set = keys.get(value);
        if (set === undefined) keys.set(value, new Set([key]));
        else set.add(key);
      }
    },
    /** `object` is frozen by contract, so the values are those it was added with. */
    remove(key: string, object: T) {
      for (const value of valuesOf(object)) {
        const set = keys.get(value);
        set?.delete(key);
        if (set?.size === 0) keys.delete(value);
      }
    },
  };
}
