import { LABEL, NAME, NO_OFFERS, offerAnnotations } from '#pkg/api';
import {
  CONFIG_MAP,
  isNotFound,
  KubeError,
  type KubeClient,
  NAMESPACE,
  type Namespace,
  POD,
  type Pod,
  REPLICA_SET,
  type ReplicaSet,
  RESOURCE_QUOTA,
  type Resource,
  ROLE_BINDING,
} from '#pkg/kube';
import { mapLimit } from '#pkg/runtime';
import { isWaitingForVerdict, releaseVerdict } from './release-verdict.ts';
import { RETAINED, standingOf, type TwinOwner } from './twin-objects.ts';

const PARALLEL = 8;

export type Removal = { readonly isGone: true } | { readonly isGone: false; readonly message: string };

export interface RemoveTwinOptions {
  /** The consumer asked to keep the namespace; the label `tombolo.io/retain` on it has the same effect. */
  readonly isRetained: boolean;
}

/**
 * Takes a twin away, one step further; call it again until it is gone. A namespace that is not ours is left alone and
 * counts as gone. The tenant's rights go first.
 */
export async function removeTwin(
  client: KubeClient,
  name: string,
  owner: TwinOwner,
  options: RemoveTwinOptions,
  signal: AbortSignal,
): Promise<Removal> {
  const namespace = await client.get<Namespace>(NAMESPACE, { name }, { signal }).catch(absent);
  if (namespace === undefined || standingOf(namespace, owner) !== 'Ours') return { isGone: true };
  if (namespace.metadata.deletionTimestamp !== undefined) {
    const released = await releaseVerdicts(client, name, signal);
    return {
      isGone: false,
      message: `namespace ${name} is being removed${released > 0 ? `; ${released} pods released` : ''}`,
    };
  }
  await remove(client, ROLE_BINDING, name, NAME.twinClusterRole, signal);
  if (options.isRetained || namespace.metadata.labels?.[LABEL.retain] === 'true') {
    return await retain(client, namespace, owner, signal);
  }
  const { uid } = namespace.metadata;
  await client.delete(NAMESPACE, { name }, { ...(uid !== undefined && { uid }), signal }).catch(absentOrChanged);
  return { isGone: false, message: `namespace ${name} is being removed` };
}

/** Keeps the namespace and what others made in it; our objects and the pods go (REF-12). */
async function retain(
  client: KubeClient,
  namespace: Namespace,
  owner: TwinOwner,
  signal: AbortSignal,
): Promise<Removal> {
  const { name, uid } = namespace.metadata;
  const labelSelector = `${LABEL.origin}=${owner.consumer}`;
  const wrappers = await client.list<ReplicaSet>(REPLICA_SET, { namespace: name, labelSelector }, { signal });
  await mapLimit(wrappers.items, PARALLEL, ({ metadata }) =>
    remove(client, REPLICA_SET, name, metadata.name, signal, metadata.uid),
  );
  const { items } = await client.list<Pod>(POD, { namespace: name, labelSelector }, { signal });
  const standing = items.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  await mapLimit(standing, PARALLEL, (pod) => remove(client, POD, name, pod.metadata.name, signal, pod.metadata.uid));
  if (items.length > 0) {
    await releaseVerdicts(client, name, signal);
    return { isGone: false, message: `waits for ${items.length} pods in ${name}` };
  }
  await remove(client, CONFIG_MAP, name, NAME.twinOwner, signal);
  await remove(client, RESOURCE_QUOTA, name, NAME.twinOwner, signal);
  const annotations = Object.fromEntries(Object.keys(offerAnnotations(NO_OFFERS)).map((key) => [key, null]));
  const body = { metadata: { uid, labels: { [LABEL.component]: RETAINED }, annotations } };
  await client.patch<Namespace>(NAMESPACE, { name }, body, { type: 'merge', signal });
  return { isGone: true };
}

/**
 * Lets pods go that wait for their verdict to be read: the consumer lost its rights here, nobody reads it any more.
 * @returns how many were released
 */
async function releaseVerdicts(client: KubeClient, namespace: string, signal: AbortSignal): Promise<number> {
  const { items } = await client.list<Pod>(POD, { namespace }, { signal });
  const waiting = items.filter(isWaitingForVerdict);
  await mapLimit(waiting, PARALLEL, (pod) => releaseVerdict(client, pod, signal));
  return waiting.length;
}

async function remove(
  client: KubeClient,
  resource: Resource,
  namespace: string,
  name: string,
  signal: AbortSignal,
  uid?: string,
): Promise<void> {
  await client
    .delete(resource, { namespace, name }, { ...(uid !== undefined && { uid }), signal })
    .catch(absentOrChanged);
}

function absent(error: unknown): undefined {
  if (isNotFound(error)) return undefined;
  throw error;
}

/** Gone, or another object by now: the next look decides again. */
function absentOrChanged(error: unknown): undefined {
  if (error instanceof KubeError && (error.isNotFound || error.isConflict)) return undefined;
  throw error;
}
