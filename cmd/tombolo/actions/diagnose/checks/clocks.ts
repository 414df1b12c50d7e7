import type { Peer } from '#pkg/api';
import type { Lease } from '#pkg/kube';
import { formatDuration } from '../../../duration.ts';
import { type Facts, placeOf, remoteOf } from '../facts.ts';
import { type Finding, type Judgement, target, targetOfUrl } from '../finding.ts';

/** As our controller judges it (condition `Degraded`): well above what NTP leaves, well below the 5 min that certificates bear. */
const SKEW_MS = 60_000;

/** Whether the clocks of this cluster and of each peer agree, and those of our nodes with that of the API server. */
export function judgeClocks(facts: Facts): Judgement {
  const judged = facts.peers.map((peer) => ofPeer(facts, peer));
  const unknown = judged.flatMap((entry) => (typeof entry === 'string' ? [entry] : []));
  const findings = judged.flatMap((entry) => (typeof entry === 'object' ? [entry] : []));
  return { findings: [...ofLeases(facts), ...findings], unknown };
}

/** The finding; a sentence where nothing was measured; undefined where all is well. */
function ofPeer(facts: Facts, peer: Peer): Finding | string | undefined {
  const { name } = peer.metadata;
  const { clockOffsetSeconds, apiServer } = peer.status ?? {};
  const remote = remoteOf(facts, peer);
  // Both against this machine, whatever its own clock says.
  const direct = remote === undefined ? undefined : remote.clockOffsetMs - facts.clockOffsetMs;
  const measured = clockOffsetSeconds === undefined ? undefined : clockOffsetSeconds * 1_000;
  const offsetMs = [direct, measured].find((ms) => ms !== undefined && Math.abs(ms) >= SKEW_MS) ?? direct ?? measured;
  if (offsetMs === undefined) return `the clock of ${name}: this cluster has not heard it yet`;
  if (Math.abs(offsetMs) < SKEW_MS) return undefined;
  const endpoint = peer.spec.addresses?.[0];
  const to = apiServer === undefined ? target(endpoint ?? `cluster ${name}`) : targetOfUrl(apiServer);
  const who = offsetMs === direct ? 'API servers' : 'peering endpoint there and controller here';
  return {
    code: 'ClockSkew',
    peer: name,
    message: `the clock of ${name} is ${formatDuration(Math.abs(offsetMs))} ${offsetMs > 0 ? 'ahead of' : 'behind'} that of ${facts.view.cluster.name} (${who}), so new certificates and tokens of one are refused by the other`,
    from: placeOf(facts, 'controller'),
    ...to,
    protocol: 'TCP',
    next: 'run `timedatectl` on the nodes of both clusters, and let all of them follow NTP',
    unknown: 'which of both clocks is right',
  };
}

/** A lease from the future was written by a clock that is ahead. One that is behind looks like silence. */
function ofLeases(facts: Facts): Finding[] {
  const { leaderLease, nodeLeases, now } = facts.status;
  const leases: [string, Lease | undefined][] = [
    ['controller', leaderLease],
    ['gateway', facts.gatewayLease],
    ...nodeLeases.map((lease): [string, Lease] => [`node ${lease.metadata.name}`, lease]),
  ];
  return leases.flatMap(([who, lease]): Finding[] => {
    const aheadMs = new Date(String(lease?.spec?.renewTime)).getTime() - now.getTime();
    if (!(aheadMs >= SKEW_MS)) return [];
    return [
      {
        code: 'ClockSkew',
        message: `the clock where the ${who} runs is ${formatDuration(aheadMs)} ahead of that of the API server`,
        from: who,
        to: `API server of ${facts.view.cluster.name}`,
        protocol: 'TCP',
        next: 'run `timedatectl` on that node and on those of the control plane, and let all of them follow NTP',
      },
    ];
  });
}
