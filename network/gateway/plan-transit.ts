import { isTransitAllowed, type SharedGroup } from '#network/transit';
import { type ClusterNetwork, LABEL, type Peer } from '#pkg/api';
import { addressesOf, type ExchangeFacts } from './exchanges.ts';

/** Between whom packets pass from tunnel to tunnel. */
export interface TransitPlan {
  /** Names of peers, each pair once. */
  readonly pairs: readonly (readonly [string, string])[];
  /** Namespaces by the peers that share them, as far as these take part. */
  readonly groups: readonly SharedGroup[];
}

export interface TransitFacts {
  readonly network: ClusterNetwork;
  readonly groups: readonly SharedGroup[];
  readonly peers: readonly Peer[];
  /** Peers that have a tunnel. */
  readonly usable: ReadonlySet<string>;
}

/** Pure. What a peer was not told of is sorted out behind it, by the packet rules. */
export function planTransit({ network, groups, peers, usable }: TransitFacts): TransitPlan {
  const takesPart = new Set(
    peers.filter((peer) => isTransitAllowed(network, peer)).map(({ metadata }) => metadata.name),
  ).intersection(usable);
  const standing = groups
    .map((group) => ({ ...group, peers: group.peers.filter((peer) => takesPart.has(peer)) }))
    .filter((group) => group.peers.length > 1);
  const pairs = new Map(
    standing.flatMap((group) =>
      group.peers.flatMap((a, index) =>
        group.peers.slice(index + 1).map((b) => [`${a} ${b}`, [a, b] as const] as const),
      ),
    ),
  );
  return { pairs: [...pairs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pair]) => pair), groups: standing };
}

/**
 * For each group, the addresses under which we see the pods of its namespaces at its peers: our own pods reach those without
 * transit. Pure.
 */
export function transitAddresses(
  { groups }: TransitPlan,
  { pods, nodes }: Pick<ExchangeFacts, 'pods' | 'nodes'>,
): readonly (readonly string[])[] {
  const providers = new Map(nodes.map(({ metadata }) => [metadata.name, metadata.labels?.[LABEL.peer]]));
  const groupOf = new Map(
    groups.flatMap((group, index) => [...group.namespaces].map((name) => [name, index] as const)),
  );
  const result = groups.map((): string[] => []);
  for (const pod of pods) {
    const index = groupOf.get(pod.metadata.namespace ?? '') ?? -1;
    const provider = providers.get(pod.spec?.nodeName ?? '');
    if (provider !== undefined && groups[index]?.peers.includes(provider)) result[index]?.push(...addressesOf(pod));
  }
  return result;
}
