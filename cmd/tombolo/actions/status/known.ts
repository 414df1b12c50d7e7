import { PEER } from '#pkg/api';
import type { Cluster } from '#pkg/kube';
import { CliError } from '../../errors.ts';
import { noSuchName } from '../../near.ts';
import type { Facts } from './read.ts';

/**
 * Refuses where there is nothing to say anything of.
 * @param only the one peer that is asked for
 * @throws CliError `NotInstalled`, `UnknownPeer`
 */
export function requireKnown(cluster: Cluster, facts: Facts, only: string | undefined, attempted: string): void {
  const where = `cluster ${cluster.name} (${cluster.server})`;
  if (facts.info === undefined && facts.processes.every((state) => state.words === 'it does not exist')) {
    throw new CliError('NotInstalled', { attempted, where, why: 'Tombolo is not installed there' });
  }
  const names = facts.peers.map((peer) => peer.metadata.name);
  if (only === undefined || names.includes(only)) return;
  throw new CliError('UnknownPeer', { attempted, where: `${PEER.kind} "${only}"`, why: noSuchName(only, names) });
}
