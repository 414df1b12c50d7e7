/**
 * Finding clusters: sources behind one interface, DNS SRV and mDNS.
 *
 * Everything that a source hears is a hint from somebody unknown: it is bounded, checked and passed on, never believed and
 * never dialled. Knows no Kubernetes: `pkg/discovered` turns sightings into objects.
 */
export { dnsSource, type DnsSourceOptions } from './dns/dns-source.ts';
export { type DnsResolver, dnsResolver } from './dns/resolver.ts';
export type { OwnCluster } from './mdns/announcement.ts';
export { mdnsSource, type MdnsSourceOptions } from './mdns/mdns-source.ts';
export { type DiscoveryMetrics, discoveryMetrics } from './metrics.ts';
export type { DiscoverySource, Sighting, SourceState } from './source.ts';
