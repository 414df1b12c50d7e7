import { KubeError } from './errors.ts';
import type { InformerHandler } from './informer-interface.ts';
import { type KubeObject, keyOf } from './object.ts';
import type { Store } from './store.ts';

export interface SetLimits {
  readonly maxObjects: number;
  readonly maxBytes: number;
}

/**
 * Turns what lists and watches say into changes of a store, and tells the handlers. Knows no connection: everything
 * in here is plain state, so that it can be compared with a model.
 */
export interface ReflectedSet<T extends KubeObject> {
  /** An object as it is now, `bytes` its size as JSON. @throws KubeError `TooLarge` */
  put(object: T, bytes: number, isInitial: boolean): void;
  /** The server said that this object is gone; `object` is its last state. */
  drop(object: T): void;
  /** Removes what a complete list does not hold. */
  keepOnly(keys: ReadonlySet<string>): void;
}

export function reflectedSet<T extends KubeObject>(
  store: Store<T>,
  limits: SetLimits,
  notify: InformerHandler<T>,
  facts: { attempted: string; where: string },
): ReflectedSet<T> {
  /** Refuses before anything is stored: what is over the limit must not get in by trying again. */
  function checkLimits(key: string, bytes: number): void {
    if (store.size >= limits.maxObjects && store.get(key) === undefined) {
      throw new KubeError('TooLarge', { ...facts, why: `there are more than ${limits.maxObjects} objects` });
    }
    if (store.bytes - store.bytesOf(key) + bytes > limits.maxBytes) {
      throw new KubeError('TooLarge', {
        ...facts,
        why: `the objects are larger than ${limits.maxBytes} bytes together`,
      });
    }
  }

  return {
    put(object, bytes, isInitial) {
      const key = keyOf(object);
      const old = store.get(key);
      // The same version again: a list after a watch brings most objects a second time.
      if (old !== undefined && isSameVersion(old, object)) return;
      checkLimits(key, bytes);
      if (old !== undefined && old.metadata.uid !== object.metadata.uid) {
        store.delete(key);
        notify(old, undefined, false);
        store.set(key, object, bytes);
        notify(undefined, object, isInitial);
        return;
      }
      store.set(key, object, bytes);
      notify(old, object, isInitial);
    },
    drop(object) {
      const key = keyOf(object);
      // An older object of the same name: the store holds its successor already.
      if (store.get(key)?.metadata.uid !== object.metadata.uid) return;
      store.delete(key);
      notify(object, undefined, false);
    },
    keepOnly(keys) {
      // Deleting the current key while iterating over a Map is well defined.
      for (const key of store.keys()) {
        if (keys.has(key)) continue;
        const old = store.delete(key);
        notify(old, undefined, false);
      }
    },
  };
}

/** Hands everything on and remembers nothing: see `keep` of `InformerOptions`. */
export function passingSet<T extends KubeObject>(notify: InformerHandler<T>): ReflectedSet<T> {
  return {
    put: (object, _bytes, isInitial) => notify(undefined, object, isInitial),
    drop() {},
    keepOnly() {},
  };
}

function isSameVersion(old: KubeObject, object: KubeObject): boolean {
  const version = object.metadata.resourceVersion;
  return version !== undefined && old.metadata.resourceVersion === version && old.metadata.uid === object.metadata.uid;
}
