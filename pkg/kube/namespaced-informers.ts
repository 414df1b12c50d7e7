import type { Cluster } from './cluster.ts';
import type { Informer, InformerHandler, InformerOptions } from './informer-interface.ts';
import { type KubeObject, splitKey } from './object.ts';
import type { Resource } from './resource.ts';

/** One watch per namespace: more than this is a mistake of the caller, or a reason to watch all namespaces at once. */
const MAX_NAMESPACES = 2_000;

/**
 * One informer per namespace, opened and closed with a set of namespaces: for objects that may be read only there
 * (Secrets of offloaded namespaces).
 */
export interface NamespacedInformers<T extends KubeObject> {
  /** The whole set; what is not in it is closed. May be called before and during `run`. */
  setNamespaces(names: Iterable<string>): void;
  /** @param key `namespace/name` */
  get(key: string): T | undefined;
  /** Objects of one namespace, or of all. */
  list(namespace?: string): T[];
  /** True where that namespace is in the set and was read completely: only then does a missing object not exist. */
  isSynced(namespace: string): boolean;
  /**
   * Handlers hear of all namespaces; existing objects are replayed at once. When a namespace leaves the set, each of its
   * objects is reported as deleted, after it has left the store: it is gone from view, not from the cluster.
   */
  on(handler: InformerHandler<T>): Disposable;
  /** Called when a namespace has been read completely for the first time. */
  onSynced(handler: (namespace: string) => void): Disposable;
  onError(handler: (error: unknown, namespace: string) => void): Disposable;
  /** Resolves on abort, when all watches have ended. */
  run(signal: AbortSignal): Promise<void>;
}

interface Member<T extends KubeObject> {
  readonly informer: Informer<T>;
  readonly stop: AbortController;
  ended: Promise<void>;
}

export function namespacedInformers<T extends KubeObject>(
  cluster: Pick<Cluster, 'informer'>,
  resource: Resource<T>,
  options: Omit<InformerOptions<T>, 'namespace'> = {},
): NamespacedInformers<T> {
  const members = new Map<string, Member<T>>();
  const handlers = new Set<InformerHandler<T>>();
  const syncHandlers = new Set<(namespace: string) => void>();
  const errorHandlers = new Set<(error: unknown, namespace: string) => void>();
  /** Closed members whose last request is still ending. */
  const ending = new Set<Promise<void>>();
  let isRunning = false;

  function open(namespace: string): void {
    const informer = cluster.informer(resource, { ...options, namespace });
    const member: Member<T> = { informer, stop: new AbortController(), ended: Promise.resolve() };
    members.set(namespace, member);
    informer.on((old, current, isInitial) => {
      if (members.get(namespace) !== member) return; // closed meanwhile, its objects were reported as gone
      for (const handler of handlers) handler(old, current, isInitial);
    });
    informer.onError((error) => {
      for (const handler of errorHandlers) handler(error, namespace);
    });
    informer.synced.then(
      () => {
        if (members.get(namespace) === member) for (const handler of syncHandlers) handler(namespace);
      },
      () => {
        // Closed before it was read: nothing to tell.
      },
    );
    if (isRunning) member.ended = informer.run(member.stop.signal);
  }

  function close(namespace: string, member: Member<T>): void {
    members.delete(namespace);
    member.stop.abort(new Error(`namespace ${namespace} is no longer watched`));
    const ended = member.ended.finally(() => ending.delete(ended));
    ending.add(ended);
    for (const object of member.informer.list()) for (const handler of handlers) handler(object, undefined, false);
  }

  return {
    setNamespaces(names) {
      const wanted = new Set(names);
      if (wanted.size > MAX_NAMESPACES) {
        throw new RangeError(
          `${wanted.size} namespaces are more than the ${MAX_NAMESPACES} that can be watched one by one`,
        );
      }
      for (const [namespace, member] of members) if (!wanted.has(namespace)) close(namespace, member);
      for (const namespace of wanted) if (!members.has(namespace)) open(namespace);
    },
    get(key) {
      return members.get(splitKey(key).namespace ?? '')?.informer.get(key);
    },
    list(namespace) {
      if (namespace !== undefined) return members.get(namespace)?.informer.list() ?? [];
      return [...members.values()].flatMap((member) => member.informer.list());
    },
    isSynced: (namespace) => members.get(namespace)?.informer.isSynced === true,
    on(handler) {
      for (const member of members.values()) {
        for (const object of member.informer.list()) handler(undefined, object, true);
      }
      return register(handlers, (old, current, isInitial) => handler(old, current, isInitial));
    },
    onSynced: (handler) => register(syncHandlers, (namespace) => handler(namespace)),
    onError: (handler) => register(errorHandlers, (error, namespace) => handler(error, namespace)),
    async run(signal) {
      if (isRunning) throw new TypeError(`the informers of ${resource.plural} were started twice`);
      isRunning = true;
      for (const member of members.values()) member.ended = member.informer.run(member.stop.signal);
      if (!signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        signal.addEventListener('abort', () => resolve(), { once: true });
        await promise;
      }
      for (const member of members.values()) member.stop.abort(signal.reason);
      await Promise.all([...ending, ...Array.from(members.values(), (member) => member.ended)]);
    },
  };
}

/** Each registration is one function of its own, so that a handler registered twice ends one by one. */
function register<F>(set: Set<F>, own: F): Disposable {
  set.add(own);
  return { [Symbol.dispose]: () => void set.delete(own) };
}
