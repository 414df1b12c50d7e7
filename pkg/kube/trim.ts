import type { KubeObject, ObjectMeta } from './object.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Drops what nobody here reads and what is often half of an object: managedFields and kubectl's last-applied
 * annotation. Changes `object` itself, which was just parsed and belongs to nobody else.
 *
 * By rest, not by `delete`: an object that lost a property in the middle becomes a hash table in V8, which is larger
 * and slower; and rest keeps hostile keys such as `__proto__` (T16).
 */
export function trimMetadata<T extends KubeObject>(object: T): T {
  const { managedFields, ...metadata } = object.metadata;
  if (managedFields !== undefined) object.metadata = metadata;
  const annotations = object.metadata.annotations;
  if (annotations !== undefined && Object.hasOwn(annotations, LAST_APPLIED)) {
    const { [LAST_APPLIED]: _, ...rest } = annotations;
    object.metadata.annotations = rest;
  }
  return object;
}

/** What tells an object from others and from its earlier states: what every `transform` of an informer has to keep. */
export function identityOf({ name, namespace, uid, resourceVersion }: ObjectMeta): ObjectMeta {
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}

/** Freezes the object and all that hangs on it: in tests, so that a write to a shared object fails where it is made. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
