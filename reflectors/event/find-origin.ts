import { LRUCache } from 'lru-cache';
import { LABEL } from '#pkg/api';
import { apiVersionOf, isNotFound, type KubeClient, type KubeObject, POD, REPLICA_SET, type Resource } from '#pkg/kube';
import { homeNameOf } from '#reflectors/framework';
import type { Involved } from './seen-event.ts';

/** Objects there whose origin is remembered; one that is forgotten costs one more GET. */
const MAX_REMEMBERED = 1_000;

/** The object at home that one in a twin was made from. */
export interface Origin {
  readonly resource: Resource;
  readonly name: string;
  /** Known for pods only. */
  readonly uid?: string;
}

export interface OriginFinder {
  /** Whether it is of a kind that is copied at all. */
  knows(involved: Involved): boolean;
  /**
   * Asks the provider, once per object: its labels tell whether it is ours, and its annotations the name at home.
   * @returns undefined where nothing at home stands behind it: it is gone, of another kind, or of somebody else
   * @throws KubeError where the provider gives no answer
   */
  find(involved: Involved, twin: string, signal: AbortSignal): Promise<Origin | undefined>;
}

/** @param kinds of twin objects, besides pods and their wrappers */
export function originFinder(
  { cluster, origin }: { readonly cluster: { readonly client: Pick<KubeClient, 'get'> }; readonly origin: string },
  kinds: readonly Resource[],
): OriginFinder {
  const known = new Map([POD, REPLICA_SET, ...kinds].map((kind) => [keyOfKind(apiVersionOf(kind), kind.kind), kind]));
  /** By UID. `none`: nothing at home stands behind it. */
  const found = new LRUCache<string, Origin | 'none'>({ max: MAX_REMEMBERED });

  async function look(involved: Involved, twin: string, signal: AbortSignal): Promise<Origin | undefined> {
    const resource = known.get(keyOfKind(involved.apiVersion, involved.kind));
    if (resource === undefined) return undefined;
    try {
      const object = await cluster.client.get<KubeObject>(
        resource,
        { namespace: twin, name: involved.name },
        { signal },
      );
      const { labels = {}, uid } = object.metadata;
      if (uid !== involved.uid || labels[LABEL.origin] !== origin) return undefined;
      if (resource.kind !== POD.kind && resource.kind !== REPLICA_SET.kind)
        return { resource, name: homeNameOf(object) };
      const podUid = labels[LABEL.podUid];
      return podUid === undefined ? undefined : { resource: POD, name: homeNameOf(object), uid: podUid };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  return {
    knows: ({ apiVersion, kind }) => known.has(keyOfKind(apiVersion, kind)),
    async find(involved, twin, signal) {
      const remembered = found.get(involved.uid);
      if (remembered !== undefined) return remembered === 'none' ? undefined : remembered;
      const origin = await look(involved, twin, signal);
      found.set(involved.uid, origin ?? 'none');
      return origin;
    },
  };
}

function keyOfKind(apiVersion: string, kind: string): string {
  return `${apiVersion} ${kind}`;
}
