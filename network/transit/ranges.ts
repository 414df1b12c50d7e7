import { contains, readAddress, readCidr } from '#network/cidr';
import { type ClusterNetwork, MAX_HOPS, MAX_RANGES, type Peer, type TransitRange } from '#pkg/api';
import { isTransitAllowed } from './allowed.ts';
import { fingerprintOf } from './fingerprint.ts';

export interface TransitFacts {
  readonly own: ClusterNetwork;
  /** Fingerprint of this cluster. */
  readonly self: string;
  /** Who is told. */
  readonly peer: Peer;
  /** Whether it takes part itself: it tells of transit, be it of none. */
  readonly takesPart: boolean;
  /** Peers that share a namespace with it. */
  readonly partners: readonly Peer[];
}

/**
 * What `peer` is told of third clusters: our aliases of the ranges of their pods. Undefined where this side takes no part
 * with that peer; empty where there is nobody to tell of, among them peers that take no part themselves. At most so many
 * that an announcement holds them beside our own ranges. Pure.
 */
export function transitFor({ own, self, peer, takesPart, partners }: TransitFacts): TransitRange[] | undefined {
  if (!isTransitAllowed(own, peer)) return undefined;
  if (!takesPart) return [];
  const room = MAX_RANGES - own.spec.podRanges.length - 1;
  return partners
    .filter((other) => isTransitAllowed(own, other) && other.metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .flatMap((other) => rangesOf(other, self))
    .slice(0, Math.max(room, 0));
}

/**
 * A third cluster's own ranges as we see them. Not those that it would pass packets on to: a twin is never offloaded again,
 * so nobody behind it shares the namespace. Not the one of its anchors: hosts take no part.
 */
function rangesOf(peer: Peer, self: string): TransitRange[] {
  const { aliases = [], transit, gatewayAddress = '' } = peer.status?.network ?? {};
  const origin = fingerprintOf(peer);
  if (transit === undefined || origin === undefined) return [];
  const passedOn = new Set(transit.map(({ range }) => range));
  const gateway = readAddress(gatewayAddress);
  return aliases
    .filter(({ original }) => {
      const range = readCidr(original);
      const isOfAnchors = range !== undefined && gateway !== undefined && contains(range, gateway);
      return !passedOn.has(original) && !isOfAnchors;
    })
    .map(({ original, alias }) => ({ range: alias, original, origin, hops: [self] }));
}

/**
 * What is believed of what a peer tells of third clusters: nothing that is ours, has come through us already, or was passed
 * on too often. Pure.
 */
export function acceptTransit(told: readonly TransitRange[], self: string): TransitRange[] {
  return told.filter(
    ({ origin, hops }) => origin !== self && !hops.includes(self) && !hops.includes(origin) && hops.length <= MAX_HOPS,
  );
}
