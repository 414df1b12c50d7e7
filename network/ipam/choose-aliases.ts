import { type Cidr, compareCidrs, formatCidr, RangeSet } from '#network/cidr';
import { type Alias, isSameSize } from './alias.ts';
import { IpamError } from './errors.ts';

/** An alias and whose it is or was. */
export interface OwnedAlias extends Alias {
  readonly peer: string;
}

export interface AliasRequest {
  /**
   * What each peer announces, by a key that no other cluster can get: its fingerprint, not a name that is given again.
   * Checked by `checkAnnouncedRanges`.
   */
  readonly announced: ReadonlyMap<string, readonly Cidr[]>;
  /** Aliases that stand, of the status of the peers; in any order, also of ranges that are announced no more. */
  readonly existing: readonly OwnedAlias[];
  /** Ranges that no alias may touch: own pods, services, nodes, anchors, routes and resolvers of nodes, reserved ranges. */
  readonly own: readonly Cidr[];
  /** Where aliases come from, in order of preference; families may be mixed. See `DEFAULT_POOLS`. */
  readonly pools: readonly Cidr[];
  /**
   * Aliases freed less than 15 min ago: connections to them may still stand. Nobody gets them but the range that had them,
   * which gets the same one back.
   */
  readonly resting: readonly OwnedAlias[];
}

export interface AliasChoice {
  /** One entry per announcing peer, with the aliases of its ranges in the order of `compareCidrs`. */
  readonly aliases: ReadonlyMap<string, readonly Alias[]>;
  /** Ranges without an alias, each with `NoFreeRange`. They are tried again in the next decision. */
  readonly failures: readonly { readonly peer: string; readonly original: Cidr; readonly error: IpamError }[];
  /** What was in `existing` and stands no more: begins to rest now. */
  readonly freed: readonly OwnedAlias[];
}

/** RFC 1918, and for IPv6 the half of RFC 4193 that anyone may use. Change them where your network uses these ranges. */
export const DEFAULT_POOLS: readonly string[] = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fd00::/8'];

/**
 * One alias for each announced range (NET-01 to 06), in this order: the alias that stands or rests, while nothing of ours
 * touches it; the range itself, where it is free; the first free range of its size in the pools. Peers are served in the
 * order of their keys, so equal requests give equal results in whatever order they list things. Total: never throws.
 */
export function chooseAliases(request: AliasRequest): AliasChoice {
  const taken = new RangeSet(request.own);
  const chosen = new Map<string, OwnedAlias>();
  const wanted = wantedRanges(request.announced);
  const take = (key: string, alias: OwnedAlias) => {
    chosen.set(key, alias);
    taken.add(alias.alias);
  };

  for (const former of [...request.existing.toSorted(byOwner), ...request.resting.toSorted(byOwner)]) {
    const key = keyOf(former);
    const fits = isSameSize(former.original, former.alias) && !taken.overlaps(former.alias);
    if (wanted.has(key) && !chosen.has(key) && fits) take(key, former);
  }
  for (const { alias } of request.resting) taken.add(alias);

  for (const [key, { peer, original }] of wanted)
    if (!chosen.has(key) && !taken.overlaps(original)) take(key, { peer, original, alias: original });

  // An alias inside a range that a peer announces would do no harm where that range has another alias, but mislead
  // readers. So such places come last; left out altogether, one peer could use up the pools of all by announcing them.
  const avoided = new RangeSet([
    ...request.own,
    ...request.resting.map(({ alias }) => alias),
    ...[...chosen.values()].map(({ alias }) => alias),
    ...[...wanted.values()].map(({ original }) => original),
  ]);
  const failures: AliasChoice['failures'][number][] = [];
  for (const [key, { peer, original }] of wanted) {
    if (chosen.has(key)) continue;
    const alias = searchPools(request.pools, original, avoided) ?? searchPools(request.pools, original, taken);
    if (alias === undefined) {
      failures.push({ peer, original, error: noFreeRange(peer, original, request.pools) });
      continue;
    }
    take(key, { peer, original, alias });
    avoided.add(alias);
  }

  const aliases = new Map<string, Alias[]>([...request.announced.keys()].sort(byText).map((peer) => [peer, []]));
  for (const key of wanted.keys()) {
    const found = chosen.get(key);
    if (found !== undefined) aliases.get(found.peer)?.push({ original: found.original, alias: found.alias });
  }
  const standing = new Set([...chosen.values()].map(pairOf));
  return { aliases, failures, freed: request.existing.filter((former) => !standing.has(pairOf(former))) };
}

/** Every announced range once, by `keyOf`, in the order in which they are served. */
function wantedRanges(announced: AliasRequest['announced']): Map<string, { peer: string; original: Cidr }> {
  const wanted = [...announced]
    .sort(([a], [b]) => byText(a, b))
    .flatMap(([peer, ranges]) => ranges.toSorted(compareCidrs).map((original) => ({ peer, original })));
  return new Map(wanted.map((one) => [keyOf(one), one]));
}

function searchPools(pools: readonly Cidr[], { family, prefixLength }: Cidr, taken: RangeSet): Cidr | undefined {
  for (const pool of pools) {
    const found = pool.family === family ? taken.firstFree(pool, prefixLength) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function noFreeRange(peer: string, original: Cidr, pools: readonly Cidr[]): IpamError {
  const searched = pools.filter(({ family }) => family === original.family).map(formatCidr);
  const pool = searched.length === 0 ? `no pool of IPv${original.family}` : `the pools ${searched.join(', ')}`;
  return new IpamError('NoFreeRange', {
    attempted: 'find an alias',
    where: `${formatCidr(original)} of ${peer}`,
    why: `no free range of size /${original.prefixLength}, searched ${pool}`,
  });
}

/** A range of a peer; the text of a range has no space in it, so no two give the same key. */
function keyOf({ peer, original }: { readonly peer: string; readonly original: Cidr }): string {
  return `${formatCidr(original)} ${peer}`;
}

function pairOf(owned: OwnedAlias): string {
  return `${formatCidr(owned.alias)} ${keyOf(owned)}`;
}

/** Where two claim one alias, as no decision leaves them but a hand may: the same wins in whatever order they are listed. */
function byOwner(a: OwnedAlias, b: OwnedAlias): number {
  return byText(a.peer, b.peer) || compareCidrs(a.original, b.original) || compareCidrs(a.alias, b.alias);
}

/** By code units, which no locale changes. */
function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
