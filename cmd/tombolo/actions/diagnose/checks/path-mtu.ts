import { getCondition, type Peer } from '#pkg/api';
import { type Facts, placeOf } from '../facts.ts';
import { type Finding, type Judgement, target } from '../finding.ts';

/** Sizes on the way are found in these steps (WireGuard pads to 16 bytes). */
const STEP_BYTES = 16;

/** Whether the way to each gateway carries as much as the devices at its ends. */
export function judgePathMtu(facts: Facts): Judgement {
  const judged = facts.peers.map((peer) => ofPeer(facts, peer));
  return {
    findings: judged.flatMap((entry) => (typeof entry === 'object' ? [entry] : [])),
    unknown: judged.flatMap((entry) => (typeof entry === 'string' ? [entry] : [])),
  };
}

function ofPeer(facts: Facts, peer: Peer): Finding | string | undefined {
  const { name } = peer.metadata;
  const { tunnel, network, conditions } = peer.status ?? {};
  if (getCondition(conditions, 'NetworkReady')?.status !== 'True') return undefined; // no way, no size
  const { mtuBytes, ownMtuBytes } = tunnel ?? {};
  if (mtuBytes === undefined || ownMtuBytes === undefined) return `packet size to ${name}: not measured yet`;
  if (network?.mtuBytes === undefined) {
    // A smaller network at that end is no hole.
    return mtuBytes === ownMtuBytes
      ? undefined
      : `whether ${name} itself carries less than ${ownMtuBytes} bytes: it does not say`;
  }
  const ends = Math.min(ownMtuBytes, network.mtuBytes);
  if (mtuBytes >= ends || mtuBytes >= Math.floor(ends / STEP_BYTES) * STEP_BYTES) return undefined;
  const address = tunnel?.endpoint ?? network.endpoints?.[0];
  return {
    code: 'MtuHole',
    peer: name,
    message: `both ends carry packets of ${ends} bytes, the way between the gateways only ${mtuBytes}: larger ones are lost without a word. Senders are told ${mtuBytes} meanwhile`,
    from: placeOf(facts, 'gateway'),
    ...(address === undefined ? { to: `gateway of ${name}` } : target(address)),
    protocol: 'UDP',
    next: `find the hop that drops UDP of more than ${mtuBytes} bytes and the headers of the tunnel (ping -M do -s SIZE between the nodes): raise its MTU, or let fragments and ICMP "fragmentation needed" (IPv6: "packet too big") pass`,
    unknown: 'which hop it is',
  };
}
