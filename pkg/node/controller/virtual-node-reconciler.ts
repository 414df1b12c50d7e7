import {
  FINALIZER,
  GRANT,
  type Grant,
  isConditionTrue,
  setCondition,
  type VirtualNode,
  VIRTUAL_NODE,
  type VirtualNodeStatus,
} from '#pkg/api';
import { type Informer, KubeError, type KubeClient } from '#pkg/kube';
import {
  type Clock,
  done,
  type Log,
  messageOf,
  type Queue,
  type Reconciler,
  type ReconcileResult,
  requeueAfter,
  systemClock,
} from '#pkg/runtime';
import { deepEqual } from '../deep-equal.ts';
import type { PeerCluster, PeerClusters } from '../peer-cluster.ts';
import { consumerStatus, type GrantView, storedConsumerStatus, withoutUsage } from './consumer-status.ts';
import { drainCondition } from './drain-sentence.ts';
import { grantWatches } from './grant-watches.ts';
import { newGrant, planGrant } from './grant-plan.ts';
import { removalStep, sweepNode } from './removal.ts';

const CONTROLLER_MANAGER = 'tombolo-controller';
/** A provider that cannot be asked yet is asked again this often; events come by themselves once it is watched. */
const RECHECK_MS = 2_000;
/** Evictions that were refused are asked for again this often, as `kubectl drain` does. */
const DRAIN_RETRY_MS = 5_000;
/** Used and free change with every pod of a burst; one write in this time is enough for people who look. */
const USAGE_COPY_MS = 5_000;
/** By then the kubelet process has heard that the VirtualNode is gone. */
const SWEEP_MS = 5_000;
/** A request at the provider must not hold a worker that another peer could use. */
const PROVIDER_TIMEOUT_MS = 10_000;

export interface VirtualNodeReconcilerDeps {
  readonly client: KubeClient;
  readonly virtualNodes: Informer<VirtualNode>;
  readonly peers: PeerClusters;
  /** The queue that feeds this reconciler: changes of peers and of grants are added to it. */
  readonly queue: Queue;
  /** Ends the watches of grants. */
  readonly signal: AbortSignal;
  /** Whether this side is to be cleaned without asking the peer: its Peer is gone, or `unpeer --force` was said. */
  readonly isAbandoned: (peer: string) => boolean;
  /** The provider ends the peering (condition `Ending` of a Grant). Told once per change of the Grant; idempotent. */
  readonly onPeerEnding: (peer: string) => void;
  readonly clock?: Clock;
  readonly log: Log;
}

/**
 * Consumer side of a grant: asks the provider for what each VirtualNode wants, copies its answer, and removes a
 * virtual node in order when it is deleted. The Node object itself belongs to the kubelet process. The key of the
 * queue is the name of the VirtualNode, which is also the name of its Grant and of its Node.
 */
export function virtualNodeReconciler(deps: VirtualNodeReconcilerDeps): Reconciler & Disposable {
  const { client, virtualNodes, peers, queue, log, clock = systemClock } = deps;
  const copiedAt = new Map<string, number>();
  const enqueuePeer = (peer: string) => {
    for (const { metadata, spec } of virtualNodes.list()) if (spec.peer === peer) queue.add(metadata.name);
  };
  const grants = grantWatches({
    changed(name, grant, peer) {
      if (grant !== undefined && isConditionTrue(grant.status?.conditions, 'Ending')) deps.onPeerEnding(peer);
      queue.add(name);
    },
    synced: enqueuePeer,
    signal: deps.signal,
    log,
  });
  const subscription = peers.on(enqueuePeer);

  async function removal(virtualNode: VirtualNode, signal: AbortSignal): Promise<ReconcileResult> {
    const { name } = virtualNode.metadata;
    const connection = peers.get(virtualNode.spec.peer);
    const isAbandoned = deps.isAbandoned(virtualNode.spec.peer);
    const progress = await removalStep(virtualNode, { client, clock, connection, isAbandoned }, signal);
    if (progress === undefined) {
      log.info({ node: name }, 'removed the virtual node');
      return requeueAfter(SWEEP_MS);
    }
    const stored = storedConsumerStatus(virtualNode);
    const conditions = setCondition(stored.conditions, drainCondition(progress), clock.wall());
    await writeStatus(virtualNode, { ...stored, conditions }, signal);
    return requeueAfter(DRAIN_RETRY_MS);
  }

  async function writeStatus(virtualNode: VirtualNode, status: VirtualNodeStatus, signal: AbortSignal): Promise<void> {
    if (deepEqual(status, storedConsumerStatus(virtualNode))) return;
    const { name, uid } = virtualNode.metadata;
    await client.apply<VirtualNode>(
      VIRTUAL_NODE,
      { metadata: { name, ...(uid === undefined ? {} : { uid }) }, status },
      { fieldManager: CONTROLLER_MANAGER, force: true, subresource: 'status', signal },
    );
    copiedAt.set(name, clock.now());
  }

  /** Copies the answer: at once where it matters, usage alone at most every 5 s. */
  async function copyStatus(virtualNode: VirtualNode, view: GrantView, signal: AbortSignal): Promise<ReconcileResult> {
    const status = consumerStatus(virtualNode, view, clock.wall());
    const isUsageOnly = deepEqual(withoutUsage(status), withoutUsage(storedConsumerStatus(virtualNode)));
    const lastMs = copiedAt.get(virtualNode.metadata.name) ?? Number.NEGATIVE_INFINITY;
    const waitMs = lastMs + USAGE_COPY_MS - clock.now();
    if (isUsageOnly && waitMs > 0) return requeueAfter(waitMs);
    await writeStatus(virtualNode, status, signal);
    return view.state === 'Known' ? done : requeueAfter(RECHECK_MS);
  }

  async function viewOf(virtualNode: VirtualNode, signal: AbortSignal): Promise<GrantView> {
    const connection = peers.get(virtualNode.spec.peer);
    if (connection === undefined) return { state: 'NotConnected' };
    const informer = grants.of(connection);
    const where = `peer ${connection.peer} at ${connection.cluster.server}`;
    if (!informer.isSynced) return { state: 'Unread', where };
    const key = `${connection.tenantNamespace}/${virtualNode.metadata.name}`;
    const limited = AbortSignal.any([signal, AbortSignal.timeout(PROVIDER_TIMEOUT_MS)]);
    try {
      return await ask(virtualNode, connection, informer.get(key), limited);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof KubeError && (error.isForbidden || error.isInvalid)) {
        return { state: 'Refused', why: error.message };
      }
      log.debug({ error: messageOf(error), node: virtualNode.metadata.name }, 'cannot ask for the grant yet');
      return { state: 'Unread', where };
    }
  }

  return {
    name: 'virtual-node',
    async reconcile(key, signal) {
      const virtualNode = virtualNodes.get(key);
      if (virtualNode === undefined) {
        copiedAt.delete(key);
        await sweepNode(client, key, signal);
        return done;
      }
      if (virtualNode.metadata.deletionTimestamp !== undefined) return removal(virtualNode, signal);
      await ensureFinalizer(client, virtualNode, signal);
      return copyStatus(virtualNode, await viewOf(virtualNode, signal), signal);
    },
    [Symbol.dispose]: () => subscription[Symbol.dispose](),
  };
}

/** Makes the Grant ask for what the VirtualNode says. */
async function ask(
  virtualNode: VirtualNode,
  { cluster, tenantNamespace }: PeerCluster,
  grant: Grant | undefined,
  signal: AbortSignal,
): Promise<GrantView> {
  if (grant === undefined) {
    try {
      await cluster.client.create<Grant>(GRANT, newGrant(virtualNode, tenantNamespace), { signal });
    } catch (error) {
      // Made by us a moment ago, and not in the watch yet.
      if (!(error instanceof KubeError && error.isAlreadyExists)) throw error;
    }
    return { state: 'Asked' };
  }
  const steps = grant.metadata.deletionTimestamp === undefined ? planGrant(virtualNode, grant) : [];
  if (steps.length > 0) {
    const ref = { name: grant.metadata.name, namespace: tenantNamespace };
    await cluster.client.patch<Grant>(GRANT, ref, steps, { type: 'json', fieldManager: CONTROLLER_MANAGER, signal });
  }
  return { state: 'Known', grant };
}

async function ensureFinalizer(client: KubeClient, virtualNode: VirtualNode, signal: AbortSignal): Promise<void> {
  const { name, finalizers, resourceVersion } = virtualNode.metadata;
  if (finalizers?.includes(FINALIZER.virtualNode)) return;
  // The resourceVersion makes it a conflict when another finalizer came meanwhile: a merge patch replaces the list.
  const metadata = { resourceVersion, finalizers: [...(finalizers ?? []), FINALIZER.virtualNode] };
  await client.patch<VirtualNode>(VIRTUAL_NODE, { name }, { metadata }, { type: 'merge', signal });
}
