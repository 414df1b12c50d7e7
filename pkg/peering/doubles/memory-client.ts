import { type KubeClient, KubeError, type KubeErrorCode, type KubeObject, type Ref, type Resource } from '#pkg/kube';

/** Objects of one cluster in memory: for tests that need sockets but no API server. Not exported by the package. */
export interface MemoryClient extends KubeClient {
  /** Puts an object there as if somebody else had. */
  seed(resource: Resource, object: KubeObject): void;
  /** All objects of a kind at this moment, as an informer that never lags holds them. */
  peek<T extends KubeObject>(resource: Resource<T>): T[];
  /** All objects, as `Kind namespace/name`, sorted. */
  readonly names: string[];
  /** Every write, as `verb Kind name`. */
  readonly writes: string[];
}

const STATUS = { NotFound: 404, AlreadyExists: 409, Conflict: 409 } as const;

/**
 * Optimistic locking, uid preconditions and finalizers as an API server has them; apply and merge patch both merge;
 * tokens are `token-1`, `token-2`, ….
 */
export function memoryClient(): MemoryClient {
  const objects = new Map<string, KubeObject>();
  const writes: string[] = [];
  let counter = 0;

  const keyOf = (resource: Resource, ref: Ref) =>
    `${resource.kind} ${resource.namespaced ? `${ref.namespace}/` : ''}${ref.name}`;
  const fail = (code: KubeErrorCode & keyof typeof STATUS, key: string) =>
    new KubeError(code, { attempted: 'test', where: key, why: code, status: STATUS[code] });
  const find = (key: string): KubeObject => {
    const object = objects.get(key);
    if (object === undefined) throw fail('NotFound', key);
    return object;
  };
  const store = <T extends KubeObject>(key: string, object: T): T => {
    const copy = structuredClone(object);
    copy.metadata.resourceVersion = String(++counter);
    objects.set(key, copy);
    return structuredClone(copy);
  };
  const add = <T extends KubeObject>(resource: Resource, object: T): T => {
    const key = keyOf(resource, object.metadata);
    if (objects.has(key)) throw fail('AlreadyExists', key);
    const metadata = {
      ...object.metadata,
      uid: `uid-${++counter}`,
      generation: 1,
      creationTimestamp: new Date(counter * 1000).toISOString(),
    };
    return store(key, { ...object, metadata });
  };
  const merge = (base: unknown, patch: unknown): unknown => {
    if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
    const result: Record<string, unknown> = { ...(typeof base === 'object' && base !== null ? base : {}) };
    for (const [name, value] of Object.entries(patch)) {
      if (value === null) delete result[name];
      else result[name] = merge(result[name], value);
    }
    return result;
  };
  const change = async <T extends KubeObject>(verb: string, key: string, make: (old: T) => T): Promise<T> => {
    writes.push(`${verb} ${key}`);
    const next = make(find(key) as T);
    if (next.metadata.deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0) {
      objects.delete(key);
      return next;
    }
    return store(key, next);
  };
  const unsupported = (): never => {
    throw new Error('the memory client does not do that');
  };

  return {
    writes,
    get names() {
      return [...objects.keys()].toSorted();
    },
    seed: (resource, object) => void add(resource, object),
    peek: <T extends KubeObject>(resource: Resource<T>) =>
      [...objects]
        .filter(([key]) => key.startsWith(`${resource.kind} `))
        .map(([, object]) => structuredClone(object) as T),
    async get<T extends KubeObject>(resource: Resource<T>, ref: Ref) {
      return structuredClone(find(keyOf(resource, ref))) as T;
    },
    async list<T extends KubeObject>(
      resource: Resource<T>,
      query: { namespace?: string | undefined; labelSelector?: string | undefined } = {},
    ) {
      const items = [...objects]
        .filter(([key]) => key.startsWith(`${resource.kind} `))
        .map(([, object]) => object as T);
      const wanted = (query.labelSelector ?? '')
        .split(',')
        .filter((term) => /^[^!=]+=/.test(term))
        .map((term) => term.split('='));
      return {
        items: structuredClone(
          items.filter(
            ({ metadata }) =>
              (query.namespace === undefined || metadata.namespace === query.namespace) &&
              wanted.every(([label = '', value]) => metadata.labels?.[label] === value),
          ),
        ),
        resourceVersion: String(counter),
      };
    },
    async create<T extends KubeObject>(resource: Resource<T>, object: T) {
      writes.push(`create ${keyOf(resource, object.metadata)}`);
      return add(resource, object);
    },
    async replace<T extends KubeObject>(
      resource: Resource<T>,
      object: T,
      options: { subresource?: string | undefined } = {},
    ) {
      const key = keyOf(resource, object.metadata);
      return change<T>('replace', key, (old) => {
        const { resourceVersion } = object.metadata;
        if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion)
          throw fail('Conflict', key);
        if (options.subresource === 'status') return { ...old, status: 'status' in object ? object.status : undefined };
        return { ...object, ...('status' in old ? { status: old.status } : {}) };
      });
    },
    async apply<T extends KubeObject>(resource: Resource<T>, object: { metadata: Ref & { uid?: string } }) {
      const key = keyOf(resource, object.metadata);
      if (!objects.has(key) && object.metadata.uid === undefined) {
        writes.push(`apply ${key}`);
        return add(resource, object as unknown as T);
      }
      return change<T>('apply', key, (old) => merge(old, object) as T);
    },
    async patch<T extends KubeObject>(resource: Resource<T>, ref: Ref, body: unknown, options: { type: string }) {
      if (options.type === 'json') return change<T>('patch', keyOf(resource, ref), withoutTestedFinalizer(body));
      return change<T>('patch', keyOf(resource, ref), (old) => merge(old, body) as T);
    },
    async delete(resource: Resource, ref: Ref, options: { uid?: string | undefined } = {}) {
      const key = keyOf(resource, ref);
      if (options.uid !== undefined && options.uid !== find(key).metadata.uid) throw fail('Conflict', key);
      await change('delete', key, (old) => ({
        ...old,
        metadata: { ...old.metadata, deletionTimestamp: new Date(0).toISOString() },
      }));
    },
    async subresource<T>(_resource: Resource, _ref: Ref, name: string, body: unknown) {
      if (name !== 'token') return unsupported();
      return { ...(body as object), status: { token: `token-${++counter}` } } as T;
    },
    version: () => Promise.resolve({ gitVersion: 'v1.35.4', major: '1', minor: '35', platform: 'linux/amd64' }),
    deleteCollection: unsupported,
    request: unsupported,
    stream: unsupported,
    connect: unsupported,
  };
}

/** The one JSON patch that is used here: test and remove one finalizer. */
function withoutTestedFinalizer(body: unknown): <T extends KubeObject>(old: T) => T {
  const [step] = body as { path: string; value: string }[];
  return (old) => {
    const finalizers = (old.metadata.finalizers ?? []).filter((finalizer) => finalizer !== step?.value);
    return { ...old, metadata: { ...old.metadata, finalizers } };
  };
}
