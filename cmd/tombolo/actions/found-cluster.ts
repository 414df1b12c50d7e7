import { DISCOVERED_CLUSTER, type DiscoveredCluster } from '#pkg/api';
import type { Cluster } from '#pkg/kube';
import type { PeeringTarget } from '#pkg/peering';
import { CliError } from '../errors.ts';
import { noSuchName } from '../near.ts';
import { findPeer } from './known-peer.ts';
import { ambiguous, isFingerprintOf, means } from './named-cluster.ts';

/** Addresses that a Peer may have. */
const MAX_ADDRESSES = 16;

/**
 * The cluster that somebody names: from what discovery found, or, where the record has gone meanwhile, from the Peer that
 * an earlier run has made.
 * @throws CliError `UnknownCluster`, `AmbiguousName`; `Refused` where discovery says that it must not be dialled
 */
export async function foundCluster(cluster: Cluster, text: string, signal: AbortSignal): Promise<PeeringTarget> {
  const attempted = `ask ${text} for approval`;
  const { items } = await cluster.client.list<DiscoveredCluster>(DISCOVERED_CLUSTER, {}, { signal });
  const meant = items.filter(({ metadata, spec }) => metadata.name === text || means(text, spec));
  if (meant.length === 0) return await asPeered(cluster, text, items, signal);
  const usable = meant.filter((record) => isUsable(record, text));
  const clusters = [...new Map(usable.map(({ spec }) => [spec.fingerprint, spec])).values()];
  if (clusters.length > 1) throw ambiguous(text, attempted, clusters);
  const [spec] = clusters;
  if (spec === undefined) throw refusal(meant, text, attempted);
  // The same key may be found over DNS and on the LAN: what either found leads to it, or is refused by its key.
  const addresses = new Set(usable.toSorted(bySource).flatMap(({ status }) => status?.addresses ?? []));
  return {
    clusterName: spec.clusterName,
    fingerprint: spec.fingerprint,
    addresses: [...addresses].slice(0, MAX_ADDRESSES),
  };
}

/** Who names a key has chosen between those that claim the name. */
function isUsable({ metadata, spec, status }: DiscoveredCluster, text: string): boolean {
  if (status?.state === 'Available') return true;
  return status?.state === 'Conflict' && (metadata.name === text || isFingerprintOf(text, spec.fingerprint));
}

function bySource(a: DiscoveredCluster, b: DiscoveredCluster): number {
  return a.spec.source.localeCompare(b.spec.source);
}

function refusal(meant: readonly DiscoveredCluster[], text: string, attempted: string): CliError {
  const conflicting = meant.filter(({ status }) => status?.state === 'Conflict').map(({ spec }) => spec);
  if (conflicting.length > 1) return ambiguous(text, attempted, conflicting);
  const [record] = meant;
  const why = record?.status?.message ?? 'nobody has judged its record yet';
  return new CliError('Refused', {
    attempted,
    where: `DiscoveredCluster ${record?.metadata.name ?? text}`,
    why: `it is ${record?.status?.state ?? 'new'}: ${why}`,
    next: 'see `tombolo discover`',
  });
}

async function asPeered(
  cluster: Cluster,
  text: string,
  found: readonly DiscoveredCluster[],
  signal: AbortSignal,
): Promise<PeeringTarget> {
  const peer = await findPeer(cluster, text, signal);
  const { fingerprint, addresses = [] } = peer?.spec ?? {};
  if (peer !== undefined && fingerprint !== undefined) return { clusterName: text, fingerprint, addresses };
  const why = noSuchName(text, [...new Set(found.map(({ spec }) => spec.clusterName))]);
  throw new CliError('UnknownCluster', {
    attempted: `peer with ${text}`,
    where: `clusters that ${cluster.name} has discovered`,
    why,
  });
}
