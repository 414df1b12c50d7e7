import { runClusterNetwork } from '#network/cluster';
import { runPolicies } from '#network/isolation';
import { expireNetworkReady, runLinks } from '#network/link';
import type { PeerClusters } from '#pkg/peering';
import type { LeaderCaches } from './caches.ts';
import type { ControllerContext } from './context.ts';
import type { Leading } from './loops.ts';

/** The network of this cluster, and of its peers: what they tell of theirs, and how we see them. */
export function leadNetwork(
  { home, identity, flags, clock, log, caches: { peers, namespaces, offloadings } }: ControllerContext,
  { networks, links, nodes, gatewayLeases, offered, apiSlices, policies }: LeaderCaches,
  connections: PeerClusters,
  { group }: Leading,
): void {
  group.start('cluster network', (signal) =>
    runClusterNetwork(
      {
        client: home.client,
        informers: { networks, nodes, peers },
        configuredEndpoints: flags.gatewayEndpoints,
        clock,
        log,
      },
      signal,
    ),
  );
  const expiry = { client: home.client, informers: { peers, gatewayLeases }, clock, log };
  group.start('gateway silence', (signal) => expireNetworkReady(expiry, signal));
  group.start('twin policies', (signal) =>
    runPolicies(
      { client: home.client, informers: { networks, peers, namespaces, offered, apiSlices, policies }, clock, log },
      signal,
    ),
  );
  group.start('links', (signal) =>
    runLinks(
      {
        client: home.client,
        informers: { peers, networks, links, offloadings },
        self: identity.fingerprint,
        connections,
        clock,
        log,
      },
      signal,
    ),
  );
}
