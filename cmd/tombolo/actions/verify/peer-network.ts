import { readAliases, translateAddress } from '#network/ipam';
import { getCondition, type Peer } from '#pkg/api';
import type { Problem } from './diagnose.ts';
import type { ServerAddresses } from './matrix.ts';
import type { OwnAddresses } from './pods.ts';
import type { PeerReport } from './print.ts';

/** Both pods as the other cluster knows them, or why one cannot be known there. Pure. */
export function addressesOf(peer: Peer, { here, there }: OwnAddresses): ServerAddresses | Problem {
  const { aliases = [], ourAliases = [] } = peer.status?.network ?? {};
  const ours = translateAddress(here, readAliases(ourAliases));
  if (ours === undefined) {
    const message = `${peer.metadata.name} has no alias for the address ${here} of a pod here: it is in none of our ranges that it took (${printRanges(ourAliases)})`;
    return { hop: 'address', message };
  }
  if (there !== undefined) return { here: ours, there };
  const message = `a pod on ${peer.metadata.name} runs, but its address is in none of the ranges that we know of that cluster (${printRanges(aliases)}): its pod ranges are not what its installation says`;
  return { hop: 'address', message };
}

function printRanges(aliases: readonly { original: string; alias: string }[]): string {
  return aliases.map(({ original, alias }) => `${original} as ${alias}`).join(', ') || 'none';
}

/** Why no packet can arrive there at all; undefined where the gateways answer each other. Pure. */
export function tunnelProblem({ metadata: { name }, status }: Peer): Problem | undefined {
  const ready = getCondition(status?.conditions, 'NetworkReady');
  if (ready?.status === 'True') return undefined;
  if (status?.network?.mode === 'None') {
    const why = 'one side wants none (spec.network.mode), or the peer is this cluster itself';
    return { hop: 'tunnel', message: `the peering with ${name} has no tunnel: ${why}; there is nothing to verify` };
  }
  if (status?.network === undefined) {
    return {
      hop: 'tunnel',
      message: `${name} has told nothing of its network: it has none, or its version is too old`,
    };
  }
  const endpoints = status.network.endpoints ?? [];
  const dialled =
    endpoints.length === 0 ? 'it has told no endpoint' : `its endpoints are ${endpoints.join(', ')} (UDP)`;
  const words = ready?.message ?? 'our gateway has not said yet whether it answers';
  return { hop: 'tunnel', message: `${words}; ${dialled}` };
}

/** The report of a peer, with what our gateway says of the tunnel. Pure. */
export function reportOf(peer: Peer, lines: PeerReport['lines'], problems: readonly Problem[]): PeerReport {
  const ready = getCondition(peer.status?.conditions, 'NetworkReady');
  const { endpoint, roundTripMilliseconds, lossPercent } = peer.status?.tunnel ?? {};
  return {
    peer: peer.metadata.name,
    healthy: problems.length === 0,
    problems,
    tunnel: {
      ready: ready?.status === 'True',
      message: ready?.message ?? 'nothing is known of a tunnel',
      ...(endpoint !== undefined && { endpoint }),
      ...(roundTripMilliseconds !== undefined && { roundTripMilliseconds }),
      ...(lossPercent !== undefined && { lossPercent }),
    },
    lines,
  };
}
