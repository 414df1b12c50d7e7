import type { Family } from './address.ts';
import { type Cidr, compareCidrs, covers, overlaps, rangeOf } from './cidr.ts';

/**
 * Ranges of both families that are taken. Only grows: a decision starts with a new one. Kept sorted and disjoint, so a
 * question costs O(log n), and `add` a binary search and one move of memory. Since it only grows, what `firstFree` has
 * found taken once is not looked at again.
 */
export class RangeSet {
  readonly #lists: Record<Family, Cidr[]> = { 4: [], 6: [] };
  /** By pool and length: below this address no range of that length is free. */
  readonly #searched = new Map<string, bigint>();

  /** O(n log n) for n ranges in any order; equal and nested ones are fine. */
  constructor(ranges: Iterable<Cidr> = []) {
    for (const range of [...ranges].sort(compareCidrs)) this.add(range);
  }

  add(range: Cidr): void {
    const list = this.#lists[range.family];
    const at = firstEndingFrom(list, range.first);
    const standing = list[at];
    if (standing !== undefined && covers(standing, range)) return;
    let end = at;
    for (let inner = list[end]; inner !== undefined && covers(range, inner); inner = list[end]) end++;
    list.splice(at, end - at, range);
  }

  /** Whether `range` shares an address with any of the set. */
  overlaps(range: Cidr): boolean {
    const list = this.#lists[range.family];
    const next = list[firstEndingFrom(list, range.first)];
    return next !== undefined && overlaps(next, range);
  }

  /**
   * The first aligned range of that length in `pool` that overlaps nothing of the set, lowest address first; `undefined`
   * where there is none, or the pool is smaller. All calls for one pool and length together visit each taken range about
   * once.
   * @throws CidrError `BadCidr` for a length that the family does not have
   */
  firstFree(pool: Cidr, prefixLength: number): Cidr | undefined {
    const key = `${pool.family} ${pool.first}/${pool.prefixLength} ${prefixLength}`;
    const found = this.#firstFreeFrom(this.#searched.get(key) ?? pool.first, pool, prefixLength);
    this.#searched.set(key, found?.first ?? pool.last + 1n);
    return found;
  }

  #firstFreeFrom(start: bigint, pool: Cidr, prefixLength: number): Cidr | undefined {
    if (start > pool.last) return undefined;
    const { family } = pool;
    let candidate = rangeOf({ family, value: start }, prefixLength);
    if (!covers(pool, candidate)) return undefined;
    const list = this.#lists[family];
    for (let at = firstEndingFrom(list, start); at < list.length; at++) {
      const taken = list[at];
      if (taken === undefined || taken.first > candidate.last) break; // the gap before it is large enough
      if (taken.last < candidate.first) continue; // jumped over with the one before it
      const next = (taken.last > candidate.last ? taken.last : candidate.last) + 1n;
      if (next > pool.last) return undefined;
      candidate = rangeOf({ family, value: next }, prefixLength);
    }
    return candidate;
  }
}

/**
 * `RangeSet.firstFree` for one question. O(n log n) for n taken ranges, however many addresses they have.
 */
export function firstFree(pool: Cidr, prefixLength: number, taken: Iterable<Cidr>): Cidr | undefined {
  return new RangeSet(taken).firstFree(pool, prefixLength);
}

/** Index of the first range whose last address is `value` or above; the length of the list where there is none. */
function firstEndingFrom(list: readonly Cidr[], value: bigint): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const range = list[middle];
    if (range !== undefined && range.last < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
