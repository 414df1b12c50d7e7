import {
  type Cidr,
  contains,
  type Family,
  formatAddress,
  formatCidr,
  rangeOf,
  readAddress,
  translate,
} from '#network/cidr';
import { type Alias, isSameSize } from './alias.ts';
import { IpamError } from './errors.ts';

/** Pairs of equal ranges, made once, asked often. */
export interface Translation {
  /**
   * The address in canonical form with the prefix of the longest `from` that contains it exchanged for that of its `to`.
   * `undefined` where no range contains it, and for what is no address: never a wrong one (REF-42). O(different lengths).
   */
  translate(address: string): string | undefined;
}

/**
 * Longest-prefix lookup over pairs (from, to) of one size. Where a `from` comes twice, the last one counts.
 * @throws IpamError `RangeNotValid` where a pair differs in family or length
 */
export function translationTable(pairs: Iterable<readonly [from: Cidr, to: Cidr]>): Translation {
  /** Prefix length → first address of a range → its pair. */
  const byLength: Record<Family, Map<number, Map<bigint, readonly [Cidr, Cidr]>>> = { 4: new Map(), 6: new Map() };
  for (const pair of pairs) {
    const [from, to] = pair;
    if (!isSameSize(from, to)) throw unequal(from, to);
    const ranges = byLength[from.family].get(from.prefixLength) ?? new Map<bigint, readonly [Cidr, Cidr]>();
    byLength[from.family].set(from.prefixLength, ranges.set(from.first, pair));
  }
  const longestFirst = (family: Family) => [...byLength[family]].sort(([a], [b]) => b - a);
  const lists = { 4: longestFirst(4), 6: longestFirst(6) };
  return {
    translate(text) {
      const address = readAddress(text);
      if (address === undefined) return undefined;
      for (const [length, ranges] of lists[address.family]) {
        const pair = ranges.get(rangeOf(address, length).first);
        if (pair !== undefined) return formatAddress(translate(address, ...pair));
      }
      return undefined;
    },
  };
}

/**
 * How an address of a peer is seen here, given the aliases of that peer; `undefined` where no range contains it, and for
 * what is no address (POD-16, REF-42). For one question; `translationTable` is for many.
 */
export function translateAddress(text: string, aliases: readonly Alias[]): string | undefined {
  const address = readAddress(text);
  if (address === undefined) return undefined;
  const [best] = aliases
    .filter(({ original }) => contains(original, address))
    .sort((a, b) => b.original.prefixLength - a.original.prefixLength);
  return best && formatAddress(translate(address, best.original, best.alias));
}

function unequal(from: Cidr, to: Cidr): IpamError {
  return new IpamError('RangeNotValid', {
    attempted: 'translate between two ranges',
    where: `${formatCidr(from)} and ${formatCidr(to)}`,
    why: 'they differ in family or length',
    next: 'give ranges of one size',
  });
}
