import { FINALIZER, GRANT, getCondition, isConditionTrue, type VirtualNode, VIRTUAL_NODE } from '#pkg/api';
import { isNotFound, KubeError, type KubeClient, NODE, type Node, POD, type Pod, type Resource } from '#pkg/kube';
import { type Clock, mapLimit } from '#pkg/runtime';
import { isOwnNode, isVirtualNode } from '../object/provider-id.ts';
import type { PeerCluster } from '../peer-cluster.ts';
import { DEFAULT_DRAIN_SECONDS, type DrainProgress } from './drain-sentence.ts';
import { type Blocked, blocksDrain, evictPods } from './evictions.ts';

const PARALLEL = 5;

export interface RemovalDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** The connection to the provider; undefined while there is none. */
  readonly connection: PeerCluster | undefined;
  /** True when this side is to be cleaned without the provider: its Peer is gone, or `unpeer --force` was said. */
  readonly isAbandoned: boolean;
}

/**
 * One step of the removal of a virtual node: cordon, evictions, then Node and Grant, then the finalizer. Safe to
 * run again in any half state. Returns the progress while something is left, undefined when the finalizer was removed.
 */
export async function removalStep(
  virtualNode: VirtualNode,
  deps: RemovalDeps,
  signal: AbortSignal,
): Promise<DrainProgress | undefined> {
  const { name } = virtualNode.metadata;
  const { client } = deps;
  const node = await ownNode(client, virtualNode, signal);
  if (node !== undefined && node.spec?.unschedulable !== true) {
    await client.patch<Node>(NODE, { name }, { spec: { unschedulable: true } }, { type: 'strategic', signal });
  }
  const pods = await podsOn(client, name, signal);
  const left = pods.filter(blocksDrain);
  const blocked = await clearPods(deps, left, signal);
  const drained = left.length === 0;
  if (!drained) return progress(virtualNode, deps, node, left.length, blocked);
  if (node !== undefined) {
    // Its lease goes with it: the Node owns it.
    await deleteIfThere(client, NODE, { name }, node.metadata.uid, signal);
  }
  // Pods of DaemonSets and finished ones do not block, but their remote halves must not outlive the node. Only now,
  // or the DaemonSet would make them anew. The kubelet process ends them as it ends any pod.
  await deletePods(client, pods, deps.isAbandoned, signal);
  if (pods.length > 0) return progress(virtualNode, deps, undefined, pods.length, []);
  if (!(await removeGrant(name, deps, signal))) return progress(virtualNode, deps, undefined, 0, []);
  await removeFinalizer(client, virtualNode, signal);
  return undefined;
}

/** The Node if it is there and ours; somebody else's Node of that name is none of our business. */
async function ownNode(client: KubeClient, virtualNode: VirtualNode, signal: AbortSignal): Promise<Node | undefined> {
  try {
    const node = await client.get<Node>(NODE, { name: virtualNode.metadata.name }, { signal });
    return isOwnNode(node, virtualNode.spec.peer) ? node : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function podsOn(client: KubeClient, nodeName: string, signal: AbortSignal): Promise<Pod[]> {
  const { items } = await client.list<Pod>(POD, { fieldSelector: `spec.nodeName=${nodeName}` }, { signal });
  return items;
}

/** Evicts, or, where nobody is left who could end the pods in order, deletes their local halves. */
async function clearPods(deps: RemovalDeps, left: readonly Pod[], signal: AbortSignal): Promise<Blocked[]> {
  if (!deps.isAbandoned) return evictPods(deps.client, left, signal);
  await deletePods(deps.client, left, true, signal);
  return [];
}

async function deletePods(client: KubeClient, pods: readonly Pod[], isForced: boolean, signal: AbortSignal) {
  const wanted = pods.filter((pod) => isForced || pod.metadata.deletionTimestamp === undefined);
  await mapLimit(wanted, PARALLEL, async ({ metadata: { name, namespace, uid } }) => {
    try {
      await client.delete(POD, namespace === undefined ? { name } : { name, namespace }, {
        signal,
        ...(uid === undefined ? {} : { uid }),
        ...(isForced ? { gracePeriodSeconds: 0 } : {}),
      });
    } catch (error) {
      // Gone, or another pod of that name: both are what was wanted.
      if (!(error instanceof KubeError && (error.isNotFound || error.isConflict))) throw error;
    }
  });
}

/** True when the Grant is gone, or nobody is there to take it back. */
async function removeGrant(name: string, deps: RemovalDeps, signal: AbortSignal): Promise<boolean> {
  if (deps.isAbandoned) return true;
  const { connection } = deps;
  if (connection === undefined) return false;
  const ref = { name, namespace: connection.tenantNamespace };
  try {
    const grant = await connection.cluster.client.get(GRANT, ref, { signal });
    await deleteIfThere(connection.cluster.client, GRANT, ref, grant.metadata.uid, signal);
    return true;
  } catch (error) {
    if (isNotFound(error)) return true;
    // Away or refusing us: waits and says so, by the condition.
    if (error instanceof KubeError && (error.status === 0 || error.isUnauthorized || error.isForbidden)) return false;
    throw error;
  }
}

async function deleteIfThere(
  client: KubeClient,
  resource: Resource,
  ref: { name: string; namespace?: string },
  uid: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.delete(resource, ref, { signal, ...(uid === undefined ? {} : { uid }) });
  } catch (error) {
    // A conflict: another object of that name has come, and that one is not the one to delete.
    if (!(error instanceof KubeError && (error.isNotFound || error.isConflict))) throw error;
  }
}

async function removeFinalizer(client: KubeClient, virtualNode: VirtualNode, signal: AbortSignal): Promise<void> {
  const { name, resourceVersion, finalizers = [] } = virtualNode.metadata;
  const rest = finalizers.filter((finalizer) => finalizer !== FINALIZER.virtualNode);
  if (rest.length === finalizers.length) return;
  // The resourceVersion makes it a conflict when the list changed meanwhile: a merge patch replaces it.
  const metadata = { resourceVersion, finalizers: rest };
  try {
    await client.patch<VirtualNode>(VIRTUAL_NODE, { name }, { metadata }, { type: 'merge', signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function progress(
  virtualNode: VirtualNode,
  deps: RemovalDeps,
  node: Node | undefined,
  podsLeft: number,
  blocked: readonly Blocked[],
): DrainProgress {
  const { peer, drainTimeoutSeconds: drainSeconds = DEFAULT_DRAIN_SECONDS } = virtualNode.spec;
  const startedAt = Date.parse(virtualNode.metadata.deletionTimestamp ?? '');
  const isPastDeadline = deps.clock.wall().getTime() - startedAt >= drainSeconds * 1000;
  const peerAway = deps.isAbandoned ? undefined : whyAway(virtualNode, deps, node);
  return { peer, podsLeft, blocked, drainSeconds, isPastDeadline, peerAway };
}

/** From what the kubelet process says of the link; the Node may be gone already, the VirtualNode is not. */
function whyAway(virtualNode: VirtualNode, deps: RemovalDeps, node: Node | undefined): string | undefined {
  if (deps.connection === undefined) return 'not connected';
  const ready = getCondition(virtualNode.status?.conditions, 'Ready');
  if (ready?.status === 'False') return ready.message;
  const ofNode = node?.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ofNode !== undefined && ofNode.status !== 'True') return ofNode.message;
  return isConditionTrue(virtualNode.status?.conditions, 'Ready') || node !== undefined ? undefined : ready?.message;
}

/**
 * Deletes the Node of a VirtualNode that is gone, if one is left: the kubelet process may have made it anew in the
 * moment in which it was removed. Other Nodes of that name are not touched.
 */
export async function sweepNode(client: KubeClient, name: string, signal: AbortSignal): Promise<void> {
  try {
    const node = await client.get<Node>(NODE, { name }, { signal });
    if (!isVirtualNode(node)) return;
    await deleteIfThere(client, NODE, { name }, node.metadata.uid, signal);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
