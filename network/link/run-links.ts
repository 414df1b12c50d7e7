import { type ClusterNetwork, LINK, type Link, NAME, type Peer } from '#pkg/api';
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
  };
  readonly connections: {
    get(peer: string): ProviderConnection | undefined;
    on(handler: (peer: string) => void): Disposable;
  };
  readonly clock: Clock;
  readonly log: Log;
}

/** Agrees the networks of all peerings until `signal` aborts. For the leader only. */
export async function runLinks(deps: RunLinksDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, connections, clock, log } = deps;
  const { peers, networks, links } = informers;
  await Promise.all([peers.synced, networks.synced, links.synced]);
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
  using _networks = networks.on(all);
  using _links = enqueueOn(links, queue, (link) => [peerOfLink(link) ?? ''].filter((peer) => peer !== ''));
  using _connections = connections.on((peer) => queue.add(peer));
  all();
  await runReconciler(linkReconciler({ client, peers, networks, links, remote, clock }), { queue, signal, log });
}
