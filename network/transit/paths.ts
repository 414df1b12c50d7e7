import { type Cidr, readCidr } from '#network/cidr';
import { readAliases } from '#network/ipam';
import { isConditionTrue, type Peer } from '#pkg/api';
import { fingerprintOf } from './fingerprint.ts';

/**
 * By which range each range that a peer knows is reached from here: its own, and for those that it would pass packets on to
 * those of their own cluster, while we have a tunnel there ourselves that works (NET-18). For `translationTable`. Pure.
 * @param all every Peer of this cluster
 */
export function pathsOf({ status }: Peer, all: readonly Peer[]): [from: Cidr, to: Cidr][] {
  const { aliases = [], transit = [] } = status?.network ?? {};
  const through = readAliases(aliases).map(({ original, alias }): [Cidr, Cidr] => [original, alias]);
  // Behind those through the peer: of two for one range, a table takes the last.
  return [...through, ...transit.flatMap((entry) => directPath(entry, all))];
}

type Entry = NonNullable<NonNullable<NonNullable<Peer['status']>['network']>['transit']>[number];

function directPath({ range, original, origin }: Entry, all: readonly Peer[]): [Cidr, Cidr][] {
  const direct = all.find((peer) => fingerprintOf(peer) === origin);
  if (direct === undefined || !isConditionTrue(direct.status?.conditions, 'NetworkReady')) return [];
  const from = readCidr(range);
  const known = direct.status?.network?.aliases?.find((pair) => pair.original === original);
  const [pair] = readAliases(known === undefined ? [] : [known]);
  return from === undefined || pair?.alias.prefixLength !== from.prefixLength ? [] : [[from, pair.alias]];
}

/** Whether `peer` tells of the cluster of `other` as a third one: both may then be where one namespace has twins. */
export function tellsOf(peer: Peer, other: Peer): boolean {
  const fingerprint = fingerprintOf(other);
  return (
    fingerprint !== undefined && peer.status?.network?.transit?.some(({ origin }) => origin === fingerprint) === true
  );
}

/**
 * By consumer, the peers whose clusters it tells of as third ones: what keeps pods of consumers apart must let those of one
 * consumer reach each other at these too, because Services lead there directly (NET-18).
 */
export function companionsOf(peers: readonly Peer[]): Map<string, ReadonlySet<string>> {
  const names = new Map(peers.map((peer) => [fingerprintOf(peer), peer.metadata.name]));
  return new Map(
    peers.map(({ metadata, status }) => {
      const origins = (status?.network?.transit ?? []).map(({ origin }) => origin);
      return [metadata.name, new Set(origins.flatMap((origin) => names.get(origin) ?? []))];
    }),
  );
}
