import type { Queue } from '#pkg/runtime';
import type { Informer } from './informer-interface.ts';
import type { KubeObject } from './object.ts';

/**
 * Feeds a queue from an informer: each change adds the keys of the object before and after it, so that an object which
 * moves from one owner to another wakes both. Objects of the first reading come with low priority.
 * @param keys what has to be looked at when that object changes; often `(o) => [keyOf(o)]`
 */
export function enqueueOn<T extends KubeObject>(
  informer: Pick<Informer<T>, 'on'>,
  queue: Pick<Queue, 'add'>,
  keys: (object: T) => Iterable<string>,
): Disposable {
  return informer.on((old, current, isInitial) => {
    const priority = isInitial ? 'low' : 'high';
    const added = new Set<string>();
    for (const object of [old, current]) {
      if (object !== undefined) for (const key of keys(object)) added.add(key);
    }
    for (const key of added) queue.add(key, { priority });
  });
}
