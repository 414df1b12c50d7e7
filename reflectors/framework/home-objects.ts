import { type Cluster, type KubeObject, type NamespacedInformers, namespacedInformers } from '#pkg/kube';
import { TaskGroup } from '#pkg/runtime';
import type { Reflector } from './reflector.ts';

/** Home objects of one kind in the namespaces that somebody needs. */
export interface HomeKind
  extends Pick<NamespacedInformers<KubeObject>, 'get' | 'list' | 'isSynced' | 'on' | 'onSynced'> {
  /** The whole set of namespaces that `owner` needs; an empty one ends its interest. */
  need(owner: object, namespaces: Iterable<string>): void;
}

/** One set of watches on the home cluster for the reflectors of all peers. */
export interface HomeObjects {
  of(reflector: Reflector): HomeKind;
  run(signal: AbortSignal): Promise<void>;
}

/** Reads nothing outside the namespaces that are needed: Secrets may be read only there. */
export function homeObjects(home: Pick<Cluster, 'informer'>, reflectors: readonly Reflector[]): HomeObjects {
  const kinds = new Map(
    reflectors.map((reflector) => {
      const { resource, fieldSelector } = reflector;
      const informers = namespacedInformers(home, resource, fieldSelector === undefined ? {} : { fieldSelector });
      return [reflector, { informers, kind: shared(informers) }] as const;
    }),
  );
  return {
    of(reflector) {
      const found = kinds.get(reflector);
      if (found === undefined) throw new TypeError(`${reflector.resource.kind} is not among the kinds read at home`);
      return found.kind;
    },
    async run(signal) {
      await using group = new TaskGroup(signal);
      for (const [{ resource }, { informers }] of kinds) group.start(resource.plural, (s) => informers.run(s));
      await group.settled;
    },
  };
}

function shared(informers: NamespacedInformers<KubeObject>): HomeKind {
  const needs = new Map<object, ReadonlySet<string>>();
  return {
    get: (key) => informers.get(key),
    list: (namespace) => informers.list(namespace),
    isSynced: (namespace) => informers.isSynced(namespace),
    on: (handler) => informers.on(handler),
    onSynced: (handler) => informers.onSynced(handler),
    need(owner, namespaces) {
      needs.set(owner, new Set(namespaces));
      if (needs.get(owner)?.size === 0) needs.delete(owner);
      informers.setNamespaces(new Set([...needs.values()].flatMap((set) => [...set])));
    },
  };
}
