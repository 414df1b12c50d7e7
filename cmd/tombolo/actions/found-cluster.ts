import { DISCOVERED_CLUSTER, type DiscoveredCluster } from '#pkg/api';
import { findDiscovered } from '#pkg/discovered';
import type { Cluster } from '#pkg/kube';
import type { PeeringTarget } from '#pkg/peering';
import { CliError } from '../errors.ts';
import { noSuchName } from '../near.ts';
import { findPeer } from './known-peer.ts';
import { ambiguous, means } from './named-cluster.ts';

/**
 * The cluster that somebody names. A Peer of that name comes first, with the key that it has pinned: the same command goes on
 * where it was, although the record has vanished meanwhile or others claim the name.
 * @throws CliError `UnknownCluster`, `AmbiguousName`; `Refused` where discovery says that it must not be dialled
 */
export async function foundCluster(cluster: Cluster, text: string, signal: AbortSignal): Promise<PeeringTarget> {
  const attempted = `ask ${text} for approval`;
  const [{ items }, peer] = await Promise.all([
    cluster.client.list<DiscoveredCluster>(DISCOVERED_CLUSTER, {}, { signal }),
    findPeer(cluster, text, signal),
  ]);
  const { fingerprint: pinned, addresses: known = [] } = peer?.spec ?? {};
  const found = findDiscovered(items, text).filter(({ fingerprint }) => pinned === undefined || fingerprint === pinned);
  if (found.length > 1) throw ambiguous(text, attempted, found);
  const [one] = found;
  if (one !== undefined) {
    return { clusterName: one.clusterName, fingerprint: one.fingerprint, addresses: one.addresses };
  }
  if (pinned !== undefined) return { clusterName: text, fingerprint: pinned, addresses: known };
  const refused = items.find(({ metadata, spec }) => metadata.name === text || means(text, spec));
  if (refused !== undefined) throw refusal(refused, attempted);
  throw new CliError('UnknownCluster', {
    attempted: `peer with ${text}`,
    where: `clusters that ${cluster.name} has discovered`,
    why: noSuchName(text, [...new Set(items.map(({ spec }) => spec.clusterName))]),
  });
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
