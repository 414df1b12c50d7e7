import { partnersOf, sharedGroups } from '#network/transit';
import { type ClusterNetwork, LINK, type Link, NAME, type Offloading, type Peer } from '#pkg/api';
import { connectionWatches, enqueueOn, type Informer, type KubeClient } from '#pkg/kube';
import { type Clock, createQueue, type Log, runReconciler } from '#pkg/runtime';
import { linkReconciler, peerOfLink, type ProviderConnection } from './link-reconciler.ts';

export interface RunLinksDeps {
  readonly client: KubeClient;
  /** Run by the caller. */
  readonly informers: {
    readonly peers: Informer<Peer>;
    readonly networks: Informer<ClusterNetwork>;
    /** Links of all tenants here. */
    readonly links: Informer<Link>;
    readonly offloadings: Informer<Offloading>;
  };
  /** Fingerprint of this cluster. */
  readonly self: string;
  readonly connections: {
    get(peer: string): ProviderConnection | undefined;
    on(handler: (peer: string) => void): Disposable;
  };
  readonly clock: Clock;
  readonly log: Log;
}

/** Agrees the networks of all peerings until `signal` aborts. For the leader only. */
export async function runLinks(deps: RunLinksDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, connections, self, clock, log } = deps;
  const { peers, networks, links, offloadings } = informers;
  await Promise.all(Object.values(informers).map((informer) => informer.synced));
  using queue = createQueue({ name: 'link', clock });
  const remote = connectionWatches<ProviderConnection, Link>({
    connections,
    open: ({ cluster, tenantNamespace }) =>
      cluster.informer<Link>(LINK, { namespace: tenantNamespace, fieldSelector: `metadata.name=${NAME.link}` }),
    changed: (peer) => queue.add(peer),
    what: 'the network',
    signal,
    log,
  });
  const all = () => {
    for (const { metadata } of peers.list()) queue.add(metadata.name);
  };
  using _peers = enqueueOn(peers, queue, ({ metadata }) => [metadata.name]);
  // An alias that one peer gives back may be what another one waits for.
  using _gone = peers.on((_, current) => {
    if (current === undefined) all();
  });
  // What one is told of another one.
  using _partners = peers.on((old, current) => {
    if (JSON.stringify(factsForOthers(old)) === JSON.stringify(factsForOthers(current))) return;
    const { name = '' } = (current ?? old)?.metadata ?? {};
    for (const partner of partnersOf(sharedGroups(offloadings.list()), name)) queue.add(partner);
  });
  using _offloadings = offloadings.on((old, current) => {
    if (JSON.stringify(old?.status?.peers) === JSON.stringify(current?.status?.peers)) return;
    for (const { peer } of [...(old?.status?.peers ?? []), ...(current?.status?.peers ?? [])]) queue.add(peer);
  });
  using _networks = networks.on(all);
  using _links = enqueueOn(links, queue, (link) => [peerOfLink(link) ?? ''].filter((peer) => peer !== ''));
  using _connections = connections.on((peer) => queue.add(peer));
  all();
  const reconciler = linkReconciler({ client, peers, networks, links, offloadings, remote, self, clock });
  await runReconciler(reconciler, { queue, signal, log });
}

/** What of a Peer others may be told, or decides whether they are. */
function factsForOthers(peer: Peer | undefined): unknown {
  if (peer === undefined) return undefined;
  const { metadata, spec, status } = peer;
  return [metadata.deletionTimestamp, spec.fingerprint, spec.transit, status?.fingerprint, status?.network];
}
