import { ANNOTATION, NAME } from '#pkg/api';
import { findDiscovered } from '#pkg/discovered';
import { enqueueOn, keyOf } from '#pkg/kube';
import { csrApprover, virtualNodeReconciler } from '#pkg/node';
import { endPeering, isPeeringError, type PeerClusters, peerReconciler, peerTriggers } from '#pkg/peering';
import { messageOf } from '#pkg/runtime';
import type { LeaderCaches } from './caches.ts';
import type { ControllerContext } from './context.ts';
import type { Leading } from './loops.ts';

/** A look at a dead peer takes up to 5 s: with so many workers the others never wait for it. */
const PEER_WORKERS = 64;
/** Removals wait for requests at providers, each with its own time-out. */
const VIRTUAL_NODE_WORKERS = 16;

/** Peerings and virtual nodes: what this cluster borrows. */
export function leadConsumer(
  context: ControllerContext,
  caches: LeaderCaches,
  clusters: PeerClusters,
  { group, loops, stack }: Leading,
): void {
  const { home, identity, flags, provider, addresses, clock, log, caches: shared } = context;
  const { client } = home;

  const peerQueue = loops.queue('peer');
  const peerLoop = peerReconciler({
    home: client,
    identity,
    clusterName: flags.clusterName,
    version: provider.version,
    addresses,
    recorded: (key) => findDiscovered(caches.discovered.list(), key).flatMap((found) => found.addresses),
    clock,
    log,
    peers: shared.peers,
    secrets: caches.secrets,
    clusters,
  });
  loops.run(stack.use(peerLoop), peerQueue, PEER_WORKERS);
  stack.use(
    peerTriggers(
      { peers: shared.peers, secrets: caches.secrets, clusters, virtualNodes: shared.virtualNodes },
      peerQueue,
    ),
  );

  const isAbandoned = (name: string) => {
    const peer = shared.peers.get(name);
    return peer === undefined || peer.metadata.annotations?.[ANNOTATION.forceUnpeer] === 'true';
  };
  /** The provider ends the peering: we end our direction in order, as if `unpeer` had been said here. */
  const onPeerEnding = (name: string) => {
    const peer = shared.peers.get(name);
    if (peer === undefined || peer.metadata.deletionTimestamp !== undefined || !peer.spec.roles.includes('Consume'))
      return;
    endPeering(client, name, { roles: ['Consume'], signal: group.signal }).catch((error: unknown) => {
      // The Grant goes on saying it, so the next look tries again; a Peer that is gone is what was wanted.
      if (!group.signal.aborted && !isPeeringError(error, 'UnknownPeer'))
        log.warn({ peer: name, error: messageOf(error) }, 'the end that the provider asks for could not be begun');
    });
  };
  const nodeQueue = loops.queue('virtual-node');
  const nodeLoop = virtualNodeReconciler({
    client,
    virtualNodes: shared.virtualNodes,
    peers: clusters,
    queue: nodeQueue,
    signal: group.signal,
    isAbandoned,
    onPeerEnding,
    clock,
    log,
  });
  loops.run(stack.use(nodeLoop), nodeQueue, VIRTUAL_NODE_WORKERS);
  stack.use(enqueueOn(shared.virtualNodes, nodeQueue, (virtualNode) => [virtualNode.metadata.name]));
  // `unpeer --force` and the end of a Peer change what removals may do.
  stack.use(
    shared.peers.on((old, current) => {
      const name = (current ?? old)?.metadata.name;
      for (const { metadata, spec } of shared.virtualNodes.list()) if (spec.peer === name) nodeQueue.add(metadata.name);
    }),
  );

  const csrQueue = loops.queue('csr-approver');
  const approver = csrApprover({
    client,
    requests: caches.certificateRequests,
    virtualNodes: shared.virtualNodes,
    kubeletPods: caches.kubeletPods,
    signerName: flags.signer,
    requester: `system:serviceaccount:${flags.systemNamespace}:${NAME.kubeletAccount}`,
    clock,
    log,
  });
  loops.run(approver, csrQueue);
  stack.use(enqueueOn(caches.certificateRequests, csrQueue, (request) => [keyOf(request)]));
}
