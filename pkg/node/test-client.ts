/** For tests: a client and informers over a map of objects. Says what was written as readable lines. */
import { type Informer, KubeError, type KubeClient, type KubeObject, type Ref, type Resource } from '#pkg/kube';

export interface TestClient {
  readonly client: KubeClient;
  /** Writes so far: `create Node rome`, `patch Node rome`, … */
  readonly writes: string[];
  /** Bodies of the writes, in the same order. */
  readonly bodies: unknown[];
  put(resource: Resource, object: KubeObject): void;
  remove(resource: Resource, ref: Ref): void;
  get<T extends KubeObject>(resource: Resource<T>, ref: Ref): T | undefined;
  /** Makes the next write whose line starts with `line` fail. */
  failNext(line: string, error: Error): void;
  /** Reads the map; handlers are called by `put` and `remove`. */
  informer<T extends KubeObject>(resource: Resource<T>, isSynced?: boolean): Informer<T>;
}

const keyOf = (resource: Resource, { namespace, name }: Ref) => `${resource.plural}/${namespace ?? ''}/${name}`;

export function refused(
  code: 'NotFound' | 'AlreadyExists' | 'TooManyRequests' | 'Unreachable',
  why: string,
  more: object = {},
) {
  const status = { NotFound: 404, AlreadyExists: 409, TooManyRequests: 429, Unreachable: 0 }[code];
  return new KubeError(code, { attempted: 'do it', where: 'https://x', why, status, ...more });
}

export function testClient(): TestClient {
  const objects = new Map<string, KubeObject>();
  const handlers = new Map<string, Set<(old: KubeObject | undefined, now: KubeObject | undefined) => void>>();
  const writes: string[] = [];
  const bodies: unknown[] = [];
  const failures: { line: string; error: Error }[] = [];
  let version = 0;

  function store(resource: Resource, ref: Ref, object: KubeObject | undefined): void {
    const key = keyOf(resource, ref);
    const old = objects.get(key);
    const metadata = {
      uid: `uid-${ref.name}`,
      ...object?.metadata,
      name: ref.name,
      resourceVersion: String(++version),
    };
    if (object === undefined) objects.delete(key);
    else objects.set(key, { ...object, metadata });
    for (const handler of handlers.get(resource.plural) ?? []) handler(old, objects.get(key));
  }

  function read(resource: Resource, ref: Ref): KubeObject {
    const found = objects.get(keyOf(resource, ref));
    if (found === undefined) throw refused('NotFound', `${resource.kind} ${ref.name} is not there`);
    return found;
  }

  async function note(line: string, body: unknown): Promise<void> {
    const index = failures.findIndex((failure) => line.startsWith(failure.line));
    const [failure] = index < 0 ? [] : failures.splice(index, 1);
    if (failure !== undefined) throw failure.error;
    writes.push(line);
    bodies.push(body);
  }

  const refOf = (object: KubeObject): Ref =>
    object.metadata.namespace === undefined
      ? { name: object.metadata.name }
      : { name: object.metadata.name, namespace: object.metadata.namespace };

  const client = {
    get: async (resource: Resource, ref: Ref) => read(resource, ref),
    list: async (resource: Resource, { fieldSelector }: { fieldSelector?: string } = {}) => {
      const node = fieldSelector?.split('spec.nodeName=')[1];
      const items = [...objects].filter(([key]) => key.startsWith(`${resource.plural}/`)).map(([, object]) => object);
      const on = (object: KubeObject) => (object as { spec?: { nodeName?: string } }).spec?.nodeName;
      return { items: items.filter((object) => node === undefined || on(object) === node), resourceVersion: '1' };
    },
    create: async (resource: Resource, object: KubeObject) => {
      await note(`create ${resource.kind} ${object.metadata.name}`, object);
      const { name, generateName } = object.metadata;
      // As the API server does: two objects of one prefix never meet.
      const ref = { ...refOf(object), name: name === '' ? `${generateName ?? ''}${version + 1}` : name };
      if (objects.has(keyOf(resource, ref))) throw refused('AlreadyExists', 'it is there');
      store(resource, ref, object);
      return read(resource, ref);
    },
    patch: async (resource: Resource, ref: Ref, body: unknown, { subresource }: { subresource?: string }) => {
      const old = read(resource, ref);
      await note(`patch ${resource.kind} ${ref.name}${subresource === undefined ? '' : `/${subresource}`}`, body);
      if (!Array.isArray(body)) store(resource, ref, merge(old, body as KubeObject));
      return read(resource, ref);
    },
    apply: async (resource: Resource, object: KubeObject) => {
      await note(`apply ${resource.kind} ${object.metadata.name}`, object);
      store(resource, refOf(object), merge(read(resource, refOf(object)), object));
      return read(resource, refOf(object));
    },
    replace: async (resource: Resource, object: KubeObject, { subresource }: { subresource?: string } = {}) => {
      await note(`replace ${resource.kind} ${object.metadata.name}/${subresource}`, object);
      store(resource, refOf(object), object);
      return object;
    },
    delete: async (resource: Resource, ref: Ref, options: object = {}) => {
      read(resource, ref);
      await note(`delete ${resource.kind} ${ref.name}`, options);
      store(resource, ref, undefined);
    },
    subresource: async (resource: Resource, ref: Ref, name: string, body: unknown) => {
      await note(`${name} of ${resource.kind} ${ref.name}`, body);
    },
  } as unknown as KubeClient;

  return {
    client,
    writes,
    bodies,
    put: (resource, object) => store(resource, refOf(object), object),
    remove: (resource, ref) => store(resource, ref, undefined),
    get: <T extends KubeObject>(resource: Resource<T>, ref: Ref) => objects.get(keyOf(resource, ref)) as T | undefined,
    failNext: (line, error) => void failures.push({ line, error }),
    informer: <T extends KubeObject>(resource: Resource<T>, isSynced = true) =>
      ({
        isSynced,
        synced: Promise.resolve(),
        get: (key: string) => {
          const [namespace, name] = key.includes('/') ? key.split('/') : ['', key];
          return objects.get(`${resource.plural}/${namespace}/${name}`);
        },
        list: () => [...objects].filter(([key]) => key.startsWith(`${resource.plural}/`)).map(([, object]) => object),
        on: (handler: (old: KubeObject | undefined, now: KubeObject | undefined) => void) => {
          const set = handlers.get(resource.plural) ?? new Set();
          handlers.set(resource.plural, set.add(handler));
          for (const [key, object] of objects) if (key.startsWith(`${resource.plural}/`)) handler(undefined, object);
          return { [Symbol.dispose]: () => void set.delete(handler) };
        },
        onError: () => ({ [Symbol.dispose]: () => undefined }),
        run: async (signal: AbortSignal) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        },
      }) as unknown as Informer<T>,
  };
}

/** RFC 7386, enough of it. */
function merge<T>(old: T, patch: T): T {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(old as Record<string, unknown>) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (value !== undefined) result[key] = merge(result[key], value);
  }
  return result as T;
}
