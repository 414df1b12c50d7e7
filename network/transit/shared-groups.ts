import type { Offloading } from '#pkg/api';

/** Namespaces of ours that have twins at exactly these peers, two or more. */
export interface SharedGroup {
  /** Names, sorted. */
  readonly peers: readonly string[];
  readonly namespaces: ReadonlySet<string>;
}

/**
 * Who shares an offloaded namespace with whom. Namespaces with the same peers are one group, so there are as many groups
 * as there are different choices of peers, not namespaces. In a stable order; pure.
 */
export function sharedGroups(offloadings: readonly Offloading[]): SharedGroup[] {
  const groups = new Map<string, { peers: string[]; namespaces: Set<string> }>();
  for (const { metadata, status } of offloadings) {
    const accepted = (status?.peers ?? []).filter(({ state }) => state === 'Accepted').map(({ peer }) => peer);
    const peers = [...new Set(accepted)].sort();
    if (peers.length < 2 || metadata.namespace === undefined) continue;
    const key = peers.join(' ');
    const group = groups.get(key) ?? { peers, namespaces: new Set() };
    groups.set(key, group);
    group.namespaces.add(metadata.namespace);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

/** Peers that share a namespace with `peer`, without itself. */
export function partnersOf(groups: readonly SharedGroup[], peer: string): Set<string> {
  const partners = new Set(groups.filter(({ peers }) => peers.includes(peer)).flatMap(({ peers }) => peers));
  partners.delete(peer);
  return partners;
}
