import { elements, FAMILIES, type Family, only, safeName } from './nft-text.ts';
import type { PeerNat } from './state.ts';

/** A verdict map: the range of a peer leads to a chain of that peer. */
export function dispatchOf(
  family: Family,
  peers: readonly PeerNat[],
  match: string,
  field: 'daddr' | 'saddr',
  prefix: string,
): string[] {
  const items = peers.flatMap((peer) =>
    only(family, peer.ranges).map((range) => `${range} : goto ${prefix}_${safeName(peer.name)}`),
  );
  return items.length === 0 ? [] : [`${match} ${family} ${field} vmap ${elements(items)}`];
}

/** One verdict map per family. */
export function dispatch(peers: readonly PeerNat[], match: string, field: 'daddr' | 'saddr', prefix: string): string[] {
  return FAMILIES.flatMap((family) => dispatchOf(family, peers, match, field, prefix));
}
