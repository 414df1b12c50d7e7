import type { Informer, KubeClient, KubeObject, Resource } from '#pkg/kube';

type Manager = string;
interface Stored extends KubeObject {
  spec?: object;
  status?: Record<string, unknown>;
}

/**
 * As much of an API server as discovery needs, in memory: apply of spec and of status by managers (a manager that leaves a
 * field out gives it up), generations, deletes, and informers that follow at once. Not exported by the package.
 */
export interface MemoryCluster {
  readonly client: KubeClient;
  informer<T extends KubeObject>(resource: Pick<Resource, 'kind'>): Informer<T>;
  put(resource: Pick<Resource, 'kind'>, object: KubeObject & Record<string, unknown>): void;
  /** Every write, as `verb kind[/status] manager`. */
  readonly writes: string[];
}

export function memoryCluster(): MemoryCluster {
  const stored = new Map<string, Stored>();
  const owned = new Map<string, Map<Manager, Record<string, unknown>>>();
  const handlers = new Map<string, Set<(old: never, current: never, isInitial: boolean) => void>>();
  const writes: string[] = [];
  let version = 0;

  const store = (kind: string, name: string, next: Stored | undefined): void => {
    const key = `${kind} ${name}`;
    const old = stored.get(key);
    if (next === undefined) stored.delete(key);
    else stored.set(key, { ...next, metadata: { ...next.metadata, resourceVersion: String(++version) } });
    for (const handler of handlers.get(kind) ?? []) handler(old as never, stored.get(key) as never, false);
  };
  const apply = async ({ kind }: Resource, body: Stored, options: { fieldManager: string; subresource?: string }) => {
    const { name } = body.metadata;
    const key = `${kind} ${name}`;
    const old = stored.get(key);
    writes.push(`apply ${kind}${options.subresource === undefined ? '' : '/status'} ${options.fieldManager}`);
    if (options.subresource === 'status') {
      const managers = owned.get(key) ?? new Map<Manager, Record<string, unknown>>();
      owned.set(key, managers.set(options.fieldManager, body.status ?? {}));
      const all = [...managers.values()];
      const sources = all.flatMap((status) => (status['sources'] as object[] | undefined) ?? []);
      const status = Object.assign({}, ...all, sources.length > 0 ? { sources } : {}) as Record<string, unknown>;
      store(kind, name, { ...(old as Stored), status });
    } else {
      const isChanged = old === undefined || JSON.stringify(old.spec) !== JSON.stringify(body.spec ?? old.spec);
      const generation = (old?.metadata.generation ?? 0) + (isChanged ? 1 : 0);
      const metadata = { ...old?.metadata, ...body.metadata, uid: old?.metadata.uid ?? `uid-${++version}`, generation };
      store(kind, name, { spec: {}, ...old, ...body, metadata });
    }
    return stored.get(key);
  };
  const client = {
    apply,
    async delete({ kind }: Resource, { name }: { name: string }) {
      writes.push(`delete ${kind}`);
      store(kind, name, undefined);
    },
  } as unknown as KubeClient;
  const ofKind = (kind: string) =>
    [...stored].filter(([key]) => key.startsWith(`${kind} `)).map(([, object]) => object);
  return {
    client,
    writes,
    informer<T extends KubeObject>({ kind }: Pick<Resource, 'kind'>) {
      return {
        get: (name: string) => stored.get(`${kind} ${name}`),
        list: () => ofKind(kind),
        on(handler: (old: never, current: never, isInitial: boolean) => void) {
          const set = handlers.get(kind) ?? new Set();
          handlers.set(kind, set.add(handler));
          for (const object of ofKind(kind)) handler(undefined as never, object as never, true);
          return { [Symbol.dispose]: () => void set.delete(handler) };
        },
      } as unknown as Informer<T>;
    },
    put: ({ kind }, object) => store(kind, object.metadata.name, object),
  };
}
