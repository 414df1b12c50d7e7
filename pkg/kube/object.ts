/** Points from a dependent to the object that owns it; the garbage collector follows it. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  /** True for the one owner that manages the object (`kubectl drain` asks for it). */
  controller?: boolean;
  /** True: the owner is not deleted in the foreground before this object is. */
  blockOwnerDeletion?: boolean;
}

/** Which manager owns which fields (server-side apply). Dropped from objects that informers store. */
export interface ManagedFieldsEntry {
  manager?: string;
  operation?: string;
  apiVersion?: string;
  time?: string;
  fieldsType?: string;
  fieldsV1?: object;
  subresource?: string;
}

/** Object metadata as the API server writes it: times are RFC 3339 strings, nothing is parsed. */
export interface ObjectMeta {
  name: string;
  /** Prefix from which the server makes a name where `name` is empty. */
  generateName?: string;
  /** Absent on cluster-scoped objects. */
  namespace?: string;
  uid?: string;
  /** Opaque: compare for equality only. */
  resourceVersion?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  creationTimestamp?: string;
  /** Present while the object is being deleted. For pods: the moment the grace period ends. */
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  managedFields?: ManagedFieldsEntry[];
}

/** Anything stored by an API server. Plain JSON as received: fields that we do not know travel through. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/** Names one object of a resource; `namespace` is needed exactly where the resource is namespaced. */
export interface Ref {
  name: string;
  namespace?: string;
}

type DeepPartial<T> = T extends readonly unknown[] ? T : T extends object ? { [K in keyof T]?: DeepPartial<T[K]> } : T;

/** The fields of `T` that somebody wants to own by server-side apply, and the name of the object. */
export type PartialObject<T extends KubeObject> = DeepPartial<Omit<T, 'metadata'>> & {
  metadata: Partial<ObjectMeta> & { name: string };
};

/** Key of stores and queues: `namespace/name`, or `name` for cluster-scoped objects. */
export function keyOf(object: { metadata: { name: string; namespace?: string } }): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** Inverse of {@link keyOf}. Names hold no slash, so the first one separates. */
export function splitKey(key: string): Ref {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
