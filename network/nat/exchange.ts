import { peerCounter } from './counter-names.ts';
import { addressSet, chain, drop, FAMILIES, type Family, only, safeName, suffix } from './nft-text.ts';
import type { Exchange, PeerNat } from './state.ts';

/**
 * Elements of the sets that `renderGatewayTable` leaves empty, by name of the set.
 * @param exchanges by peer; only those of isolated peers have sets
 * @throws NatError `NatStateInvalid`, not retryable
 */
export function exchangeSets(
  peers: readonly PeerNat[],
  exchanges: ReadonlyMap<string, Exchange>,
): Map<string, readonly string[]> {
  const result = new Map<string, readonly string[]>();
  for (const { name } of isolated(peers)) {
    const { lent = [], ours = [] } = exchanges.get(name) ?? {};
    for (const family of FAMILIES) {
      result.set(setName('lent', name, family), only(family, lent));
      result.set(setName('ours', name, family), only(family, ours));
    }
  }
  return result;
}

/** Peers with an exchange. */
export function isolated(peers: readonly PeerNat[]): PeerNat[] {
  return peers.filter(({ isIsolated }) => isIsolated);
}

function setName(what: 'lent' | 'ours', peer: string, family: Family): string {
  return `${what}_${safeName(peer)}${suffix(family)}`;
}

/** Behind NAT on arrival and before it on departure, so that both see addresses as this side knows them. */
export function exchangeBlocks({ name }: PeerNat): string[] {
  const refuse = drop(peerCounter(name, 'isolated'));
  const rules = (here: 'saddr' | 'daddr', there: 'saddr' | 'daddr') =>
    FAMILIES.flatMap((family) => [
      `${family} ${here} @${setName('lent', name, family)} accept`,
      `${family} ${there} @${setName('ours', name, family)} accept`,
    ]);
  return [
    ...FAMILIES.flatMap((family) => [
      addressSet(setName('lent', name, family), family),
      addressSet(setName('ours', name, family), family),
    ]),
    chain(`exchange_in_${safeName(name)}`, [...rules('daddr', 'saddr'), refuse]),
    chain(`exchange_out_${safeName(name)}`, [...rules('saddr', 'daddr'), refuse]),
  ];
}
