import type { ClusterNetwork, Peer } from '#pkg/api';
import { enqueueOn, type Informer, type KubeClient, type Node } from '#pkg/kube';
import { type Clock, createQueue, type Log, runReconciler } from '#pkg/runtime';
import { clusterNetworkReconciler } from './cluster-network-reconciler.ts';
import { ALL_NODES, nodeAnchorsReconciler } from './node-anchors.ts';

export interface ClusterNetworkRunDeps {
  readonly client: KubeClient;
  /** Run by the caller. */
  readonly informers: {
    readonly networks: Informer<ClusterNetwork>;
    readonly nodes: Informer<Node>;
    readonly peers: Informer<Peer>;
  };
  /** `host:port` (UDP) of the gateway as the admin gave them; empty: found from its Service. */
  readonly configuredEndpoints: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Keeps up what this cluster's own network needs until `signal` aborts. For the leader only. */
export async function runClusterNetwork(deps: ClusterNetworkRunDeps, signal: AbortSignal): Promise<void> {
  const { client, configuredEndpoints, clock, log } = deps;
  const { networks, nodes, peers } = deps.informers;
  await Promise.all([networks.synced, nodes.synced, peers.synced]);
  using own = createQueue({ name: 'cluster-network', clock });
  using _own = enqueueOn(networks, own, ({ metadata }) => [metadata.name]);
  using anchors = createQueue({ name: 'node-anchors', clock });
  using _nodes = nodes.on((old, current) => {
    if (old === undefined || current === undefined || !hasSameAnnotations(old, current)) anchors.add(ALL_NODES);
  });
  using _networks = networks.on(() => anchors.add(ALL_NODES));
  await Promise.all([
    runReconciler(clusterNetworkReconciler({ client, networks, peers, nodes, configuredEndpoints, clock, log }), {
      queue: own,
      signal,
      log,
    }),
    runReconciler(nodeAnchorsReconciler({ client, networks, nodes, log }), { queue: anchors, signal, log }),
  ]);
}

function hasSameAnnotations(a: Node, b: Node): boolean {
  return (
    a.metadata.uid === b.metadata.uid &&
    JSON.stringify(a.metadata.annotations) === JSON.stringify(b.metadata.annotations)
  );
}
