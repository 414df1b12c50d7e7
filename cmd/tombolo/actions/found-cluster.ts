import { DISCOVERED_CLUSTER, type DiscoveredCluster } from '#pkg/api';
import { findDiscovered } from '#pkg/discovered';
import type { Cluster } from '#pkg/kube';
import type { PeeringTarget } from '#pkg/peering';
import { CliError } from '../errors.ts';
import { noSuchName } from '../near.ts';
import { findPeer } from './known-peer.ts';
import { ambiguous, means } from './named-cluster.ts';

/**
 * The cluster that somebody names: from what discovery found, or, where the record has gone meanwhile, from the Peer that
 * an earlier run has made.
 * @throws CliError `UnknownCluster`, `AmbiguousName`; `Refused` where discovery says that it must not be dialled
 */
export async function foundCluster(cluster: Cluster, text: string, signal: AbortSignal): Promise<PeeringTarget> {
  const attempted = `ask ${text} for approval`;
  const { items } = await cluster.client.list<DiscoveredCluster>(DISCOVERED_CLUSTER, {}, { signal });
  const found = findDiscovered(items, text);
  if (found.length > 1) throw ambiguous(text, attempted, found);
  const [one] = found;
  if (one !== undefined) {
    return { clusterName: one.clusterName, fingerprint: one.fingerprint, addresses: one.addresses };
  }
  const refused = items.find(({ metadata, spec }) => metadata.name === text || means(text, spec));
  if (refused !== undefined) throw refusal(refused, attempted);
  return await asPeered(cluster, text, items, signal);
}

function refusal({ metadata, status }: DiscoveredCluster, attempted: string): CliError {
  const why = status?.message ?? 'nobody has judged its record yet';
  return new CliError('Refused', {
    attempted,
    where: `DiscoveredCluster ${metadata.name}`,
    why: `it is ${status?.state ?? 'new'}: ${why}`,
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
