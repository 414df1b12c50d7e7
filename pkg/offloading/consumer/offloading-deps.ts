import type { Offloading, VirtualNode } from '#pkg/api';
import type { EventRecorder, Informer, KubeClient, Namespace, Node } from '#pkg/kube';
import type { Clock, Log } from '#pkg/runtime';
import { type PeerClaims, peerOfNode } from './peer-claims.ts';

/** What deciding about the offloaded namespaces of the home cluster needs. */
export interface OffloadingDeps {
  readonly client: KubeClient;
  /** All must be synced before the first reconcile: what is not in them counts as gone. */
  readonly namespaces: Pick<Informer<Namespace>, 'get'>;
  readonly offloadings: Pick<Informer<Offloading>, 'get'>;
  readonly virtualNodes: Pick<Informer<VirtualNode>, 'list'>;
  readonly nodes: Pick<Informer<Node>, 'get'>;
  readonly claims: PeerClaims;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** A peer did not take a claim, or still has it: asked again after this time. */
export const RETRY_PEER_MS = 5_000;
/** While pods leave; nothing tells us when a budget allows an eviction. */
export const DRAIN_CHECK_MS = 2_000;

/** The peer behind a node of the home cluster, undefined for real nodes; by what the caches hold now. */
export function nodesOfPeers({ virtualNodes, nodes }: OffloadingDeps): ReturnType<typeof peerOfNode> {
  return peerOfNode(virtualNodes.list(), (node) => nodes.get(node)?.metadata.labels);
}
