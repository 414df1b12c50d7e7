import type { ForwardingEntry, Neighbour } from './actual.ts';
import { overlayMac } from './mac.ts';
import type { Remote } from './state.ts';

/**
 * Lines for `bridge -batch`: which outer address has which MAC. Pure. New ones come first, so that a remote that stays
 * is reachable throughout.
 */
export function planForwarding(
  device: string,
  remotes: readonly Remote[],
  actual: readonly ForwardingEntry[],
): string[] {
  const wanted = new Map(remotes.map(({ underlay }) => [underlay, overlayMac(underlay)]));
  const isWanted = (entry: ForwardingEntry) => entry.isPermanent && wanted.get(entry.underlay) === entry.mac;
  const standing = new Set(actual.filter(isWanted).map((entry) => entry.underlay));
  const missing = [...wanted].filter(([underlay]) => !standing.has(underlay));
  const replaced = new Set(missing.map(([underlay, mac]) => `${mac} ${underlay}`));
  const surplus = actual.filter((entry) => !isWanted(entry) && !replaced.has(`${entry.mac} ${entry.underlay}`));
  return [
    ...missing.map(([underlay, mac]) => `fdb replace ${mac} dev ${device} dst ${underlay} self permanent`),
    ...surplus.map(({ mac, underlay }) => `fdb del ${mac} dev ${device} dst ${underlay} self`),
  ];
}

/** Lines for `ip -batch`: which inner address has which MAC, so that nobody has to ask by multicast. Pure. */
export function planNeighbours(device: string, remotes: readonly Remote[], actual: readonly Neighbour[]): string[] {
  const wanted = new Map(
    remotes.flatMap(({ underlay, addresses }) => addresses.map((address) => [address, overlayMac(underlay)] as const)),
  );
  const standing = new Map(actual.map(({ address, mac }) => [address, mac]));
  const missing = [...wanted].filter(([address, mac]) => standing.get(address) !== mac);
  const surplus = actual.filter(({ address }) => !wanted.has(address));
  return [
    ...missing.map(([address, mac]) => `neigh replace ${address} lladdr ${mac} dev ${device} nud permanent`),
    ...surplus.map(({ address }) => `neigh del ${address} dev ${device}`),
  ];
}
