import { peerCounter } from './counter-names.ts';
import {
  addressSet,
  chain,
  drop,
  endpointSet,
  FAMILIES,
  type Family,
  only,
  onlyPorts,
  safeName,
  suffix,
} from './nft-text.ts';
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
    const { lent = [], ours = [], offered = [] } = exchanges.get(name) ?? {};
    for (const family of FAMILIES) {
      result.set(setName('offered', name, family), onlyPorts(family, offered));
      result.set(setName('lent', name, family), only(family, lent));
      result.set(setName('ours', name, family), only(family, ours));
    }
  }
  const everyone = [...exchanges.values()].flatMap(({ lent }) => lent);
  for (const family of FAMILIES) result.set(`lent${suffix(family)}`, only(family, everyone));
  return result;
}

/** Pods that run for any peer. */
export function lentSets(): string[] {
  return FAMILIES.map((family) => addressSet(`lent${suffix(family)}`, family));
}

/** Peers with an exchange. */
export function isolated(peers: readonly PeerNat[]): PeerNat[] {
  return peers.filter(({ isIsolated }) => isIsolated);
}

function setName(what: 'lent' | 'ours' | 'offered', peer: string, family: Family): string {
  return `${what}_${safeName(peer)}${suffix(family)}`;
}

/** Behind NAT on arrival and before it on departure, so that both see addresses as this side knows them. */
export function exchangeBlocks({ name, isProviderOnly = false }: PeerNat): string[] {
  const refuse = drop(peerCounter(name, 'isolated'));
  const rules = (here: 'saddr' | 'daddr', there: 'saddr' | 'daddr', port: 'sport' | 'dport', more = '') =>
    FAMILIES.flatMap((family) => [
      `${family} ${here} @${setName('lent', name, family)} accept`,
      // What runs for another peer has nothing to do with this one, nor with what runs for us there.
      `${family} ${here} @lent${suffix(family)} ${refuse}`,
      `${family} ${there} @${setName('ours', name, family)} accept`,
      `${family} ${here} . meta l4proto . th ${port} @${setName('offered', name, family)} ${more}accept`,
    ]);
  return [
    ...FAMILIES.flatMap((family) => [
      addressSet(setName('lent', name, family), family),
      addressSet(setName('ours', name, family), family),
      endpointSet(setName('offered', name, family), family),
    ]),
    chain(`exchange_in_${safeName(name)}`, [
      ...rules('daddr', 'saddr', 'dport'),
      ...(isProviderOnly ? ['ct direction reply accept'] : []),
      refuse,
    ]),
    chain(`exchange_out_${safeName(name)}`, [
      ...rules('saddr', 'daddr', 'sport', 'ct direction reply '),
      ...(isProviderOnly ? ['ct direction original accept'] : []),
      refuse,
    ]),
  ];
}
