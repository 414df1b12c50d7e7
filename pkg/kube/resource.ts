import type { KubeObject, Ref } from './object.ts';

declare const objectType: unique symbol;

/** One resource of the Kubernetes API. `T`, the type of its objects, exists for the compiler only. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** As in the URL: `pods`. */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly [objectType]?: T;
}

/** Declares a resource; the type argument says what its objects look like. */
export function defineResource<T extends KubeObject = KubeObject>(resource: {
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
}): Resource<T> {
  return resource;
}

/** `apiVersion` of the resource's objects: `v1`, `apps/v1`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** Sets `apiVersion` and `kind` where they are missing (items of lists have none). Changes `object` itself. */
export function withTypeMeta<T extends KubeObject>(resource: Resource<T>, object: T): T {
  object.apiVersion ??= apiVersionOf(resource);
  object.kind ??= resource.kind;
  return object;
}

/**
 * Path of the collection: of one namespace, or of all where `namespace` is absent or the resource has no namespaces.
 */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${segment(namespace)}` : '';
  return `${root}${scope}/${resource.plural}`;
}

/** Path of one object, or of a subresource of it. Throws TypeError where a namespaced resource gets no namespace. */
export function objectPath(resource: Resource, ref: Ref, subresource?: string): string {
  if (resource.namespaced && ref.namespace === undefined) {
    throw new TypeError(`${resource.kind} "${ref.name}" is addressed without a namespace`);
  }
  const path = `${collectionPath(resource, ref.namespace)}/${segment(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** For messages: `Pod shop/web`. */
export function describeRef(resource: Resource, ref: Ref): string {
  return `${resource.kind} ${ref.namespace === undefined ? ref.name : `${ref.namespace}/${ref.name}`}`;
}

/**
 * One path segment. `.` and `..` survive percent-encoding and would address another object after the server has
 * cleaned the path; an empty name would address the collection (and delete it).
 */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..') throw new TypeError(`"${name}" is not the name of an object`);
  return encodeURIComponent(name);
}
