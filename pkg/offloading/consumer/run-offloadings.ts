import { type Offloading, type VirtualNode } from '#pkg/api';
import { enqueueOn, type EventRecorder, type Informer, type KubeClient, type Namespace, type Node } from '#pkg/kube';
import { type Clock, createQueue, type Log, type QueueObserver, runReconciler, systemClock } from '#pkg/runtime';
import type { PeerClusters } from '../peer-clusters.ts';
import { claimWatches } from './claim-watches.ts';
import { offloadingReconciler } from './offloading-reconciler.ts';
import { peerClaims } from './peer-claims.ts';

export interface RunOffloadingsDeps {
  /** Of the home cluster. */
  readonly client: KubeClient;
  /** Handed in running. `nodes` may be narrowed to the label `tombolo.io/peer`. */
  readonly informers: {
    readonly namespaces: Informer<Namespace>;
    readonly offloadings: Informer<Offloading>;
    readonly virtualNodes: Informer<VirtualNode>;
    readonly nodes: Informer<Node>;
  };
  readonly peers: PeerClusters;
  readonly events: EventRecorder;
  readonly log: Log;
  readonly clock?: Clock;
  readonly observer?: QueueObserver;
}

/** Namespaces worked at once: one that waits for a slow provider must not hold up the others. */
const WORKERS = 4;

/**
 * Offloads namespaces of the home cluster and ends offloading, until `signal` aborts. For the leader only: two of them
 * would make and withdraw each other's claims.
 */
export async function runOffloadings(deps: RunOffloadingsDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, peers, events, log, clock = systemClock, observer } = deps;
  const { namespaces, offloadings, virtualNodes, nodes } = informers;
  await Promise.all([namespaces.synced, offloadings.synced, virtualNodes.synced, nodes.synced]);
  using queue = createQueue({ name: 'offloading', clock, ...(observer !== undefined && { observer }) });
  const watches = claimWatches(peers, (home) => queue.add(home), { signal, log });
  const all = () => {
    for (const { metadata } of offloadings.list()) if (metadata.namespace !== undefined) queue.add(metadata.namespace);
  };
  const openWatches = () => {
    for (const node of virtualNodes.list()) watches.of(node.spec.peer);
  };
  using _namespaces = enqueueOn(namespaces, queue, ({ metadata }) => [metadata.name]);
  using _offloadings = enqueueOn(offloadings, queue, ({ metadata }) =>
    metadata.namespace === undefined ? [] : [metadata.namespace],
  );
  using _virtualNodes = virtualNodes.on((old, current) => {
    openWatches();
    if (changesSelection(old, current)) all();
  });
  // Heartbeats change a Node every few seconds, its labels hardly ever.
  using _nodes = nodes.on((old, current) => {
    if (changesSelection(old, current)) all();
  });
  using _peers = peers.on((peer) => {
    watches.of(peer);
    all();
  });
  openWatches();
  const reconciler = offloadingReconciler({
    client,
    ...informers,
    claims: peerClaims(watches, clock),
    events,
    clock,
    log,
  });
  await runReconciler(reconciler, { queue, workers: WORKERS, signal, log });
}

function changesSelection(old: VirtualNode | Node | undefined, current: VirtualNode | Node | undefined): boolean {
  if (old === undefined || current === undefined) return true;
  const isMarked = (object: VirtualNode | Node) => object.metadata.deletionTimestamp !== undefined;
  return isMarked(old) !== isMarked(current) || labelText(old) !== labelText(current);
}

function labelText(object: VirtualNode | Node): string {
  const own =
    'spec' in object && object.spec !== undefined && 'peer' in object.spec ? (object as VirtualNode) : undefined;
  return JSON.stringify([object.metadata.labels, own?.spec.labels, own?.status?.node?.labels]);
}
