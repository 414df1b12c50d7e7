import { PEER, type Peer } from '#pkg/api';
import type { Cluster } from '#pkg/kube';
import { CliError } from '../errors.ts';
import { noSuchName } from '../near.ts';
import { undefinedIfAbsent } from './installed.ts';

/**
 * The Peer of that name; `undefined` where it is gone and that is fine for the caller.
 * @throws CliError `UnknownPeer`, offering names that are near
 */
export async function knownPeer(cluster: Cluster, name: string, attempted: string, signal: AbortSignal): Promise<Peer> {
  const peer = await findPeer(cluster, name, signal);
  if (peer !== undefined) return peer;
  const { items } = await cluster.client.list<Peer>(PEER, {}, { signal });
  const why = noSuchName(
    name,
    items.map((item) => item.metadata.name),
  );
  throw new CliError('UnknownPeer', { attempted, where: `Peer "${name}" of cluster ${cluster.name}`, why });
}

export async function findPeer(cluster: Cluster, name: string, signal: AbortSignal): Promise<Peer | undefined> {
  return await cluster.client.get<Peer>(PEER, { name }, { signal }).catch(undefinedIfAbsent);
}
