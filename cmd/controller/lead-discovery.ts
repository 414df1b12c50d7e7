import { runDiscovery } from '#pkg/discovered';
import { dnsResolver } from '#pkg/discovery';
import type { LeaderCaches } from './caches.ts';
import type { ControllerContext } from './context.ts';
import type { Leading } from './loops.ts';

/** Clusters that may be asked: looked up over DNS, and judged wherever they were found. */
export function leadDiscovery(
  { home, flags, identity, addresses, discoveryMetrics: metrics, clock, log, caches: { peers } }: ControllerContext,
  { discoveries, discovered, networks, nodes, apiSlices }: LeaderCaches,
  { group }: Leading,
): void {
  const server = flags.discoveryResolver === '' ? undefined : flags.discoveryResolver;
  group.start('discovery', (signal) =>
    runDiscovery(
      {
        client: home.client,
        informers: { discoveries, discovered, peers, networks, nodes, apiSlices },
        ownFingerprint: identity.fingerprint,
        publishedAddresses: () => [...addresses(), ...flags.gatewayEndpoints],
        domains: flags.discoveryDomains,
        resolver: () => dnsResolver(server),
        periodMs: flags.discoveryPeriodSeconds * 1000,
        isMdnsOn: flags.discoveryMdns === 'true',
        metrics,
        clock,
        log,
      },
      signal,
    ),
  );
}
