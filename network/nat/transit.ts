import { NatError } from './errors.ts';
import { addressSet, chain, drop, FAMILIES, type Family, only, suffix } from './nft-text.ts';
import { GATEWAY_COUNTERS as COUNTERS } from './counter-names.ts';
import type { GatewayState, PeerNat } from './state.ts';

/**
 * Elements of the sets that `transitBlocks` leaves empty, by name of the set.
 * @param groups as many as `GatewayState.transitGroups`: addresses that may exchange packets with each other
 * @throws NatError `NatStateInvalid`, not retryable
 */
export function transitSets(groups: readonly (readonly string[])[]): Map<string, readonly string[]> {
  return new Map(
    groups.flatMap((addresses, group) =>
      FAMILIES.map((family) => [setName(group, family), only(family, addresses)] as const),
    ),
  );
}

/**
 * Pairs of ranges, in both directions, between which packets may pass from peer to peer. Only where each side knows the
 * other's range: without a translation the packet would leave with a source that means somebody else there.
 * @throws NatError `NatStateInvalid`, not retryable
 */
export function transitPairs({ peers, transit }: GatewayState, family: Family): string[] {
  const byName = new Map(peers.map((peer) => [peer.name, peer]));
  return transit.flatMap(([a, b]) => {
    const [left, right] = [byName.get(a), byName.get(b)];
    if (left === undefined || right === undefined) {
      const where = `${a} and ${b}`;
      const why = 'transit is allowed for a name that is no peer';
      throw new NatError('NatStateInvalid', { attempted: 'write packet rules', where, why });
    }
    return knownTo(right, left, family).flatMap((one) =>
      knownTo(left, right, family).flatMap((other) => [`${one} . ${other}`, `${other} . ${one}`]),
    );
  });
}

/** Ranges of `owner` that were announced to `peer`, as they are seen here. */
function knownTo(peer: PeerNat, owner: PeerNat, family: Family): string[] {
  const announced = new Set(peer.announced.map(({ original }) => original));
  return only(family, owner.ranges).filter((range) => announced.has(range));
}

/** Where a packet from peer to peer is judged. Not by its connection: an address may leave its group at any time. */
export function transitBlocks({ transitGroups }: GatewayState): string[] {
  if (transitGroups === undefined) return [];
  const groups = Array.from({ length: transitGroups }, (_, group) => group);
  return [
    ...groups.flatMap((group) => FAMILIES.map((family) => addressSet(setName(group, family), family))),
    chain('transit', [
      ...groups.flatMap((group) =>
        FAMILIES.map((family) => {
          const set = setName(group, family);
          return `${family} saddr @${set} ${family} daddr @${set} accept`;
        }),
      ),
      drop(COUNTERS.inbound),
    ]),
  ];
}

/** Of the chain for what comes out of the tunnel. @param tunnel in quotes */
export function transitRules(tunnel: string, { transitGroups }: GatewayState): string[] {
  const verdict = transitGroups === undefined ? 'accept' : 'goto transit';
  return FAMILIES.map(
    (family) => `oifname ${tunnel} ${family} saddr . ${family} daddr @transit${suffix(family)} ${verdict}`,
  );
}

function setName(group: number, family: Family): string {
  return `transit_${group}_${suffix(family)}`;
}
