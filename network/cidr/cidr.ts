import { isIP } from 'node:net';
import { CidrSyntaxError } from './syntax-error.ts';

export type Family = 4 | 6;

/** Bits of an address. */
export const BITS = { 4: 32, 6: 128 } as const satisfies Record<Family, number>;

/** One address as a number. Two are the same address when family and value are equal. */
export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** A range of 2^(bits - length) addresses; its host bits are zero. */
export interface Cidr extends Address {
  /** Prefix length in bits. */
  readonly length: number;
}

/**
 * An address in its usual text form (RFC 4291). No zone, no leading zeros, nothing around it.
 * @throws CidrSyntaxError
 */
export function parseAddress(text: string): Address {
  const family = text.includes('%') ? 0 : isIP(text);
  if (family === 4) return { family, value: valueOf4(text) };
  if (family === 6) return { family, value: valueOf6(text) };
  throw new CidrSyntaxError(text, 'it is no IPv4 or IPv6 address');
}

/**
 * A range as address/length (RFC 4632). Host bits must be zero: `10.0.0.1/8` is more often a mistake than `10.0.0.0/8`.
 * @throws CidrSyntaxError says what is wrong
 */
export function parseCidr(text: string): Cidr {
  const [, address, digits] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  if (address === undefined) throw new CidrSyntaxError(text, 'it is not ADDRESS/LENGTH');
  const { family, value } = parseAddress(address);
  const length = Number(digits);
  if (length > BITS[family])
    throw new CidrSyntaxError(text, `a prefix of IPv${family} has at most ${BITS[family]} bits`);
  const range = { family, value: prefixOf(family, value, length), length };
  if (range.value !== value) throw new CidrSyntaxError(text, `it has host bits set; the range is ${formatCidr(range)}`);
  return range;
}

export function formatCidr(range: Cidr): string {
  return `${formatAddress(range)}/${range.length}`;
}

/** RFC 5952 for IPv6: lower case, the longest run of zeros (the first of equal ones) as `::`. */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - 16 * index)) & 0xffffn));
  const zeros = longestZeros(groups);
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (zeros.length < 2) return text(groups);
  return `${text(groups.slice(0, zeros.start))}::${text(groups.slice(zeros.start + zeros.length))}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

function valueOf4(text: string): bigint {
  return text.split('.').reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

function valueOf6(text: string): bigint {
  // The last 32 bits may be written as IPv4.
  const dotted = /[^:]+\..+$/.exec(text)?.[0];
  const tail = dotted === undefined ? undefined : valueOf4(dotted);
  const hex =
    tail === undefined || dotted === undefined
      ? text
      : `${text.slice(0, -dotted.length)}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`;
  const [before = '', after] = hex.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const [head, rest] = [groups(before), groups(after ?? '')];
  const filled =
    after === undefined ? head : [...head, ...Array<string>(8 - head.length - rest.length).fill('0'), ...rest];
  return filled.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

function prefixOf(family: Family, value: bigint, length: number): bigint {
  const host = BigInt(BITS[family] - length);
  return (value >> host) << host;
}

/** How many addresses a range has. */
export function sizeOf({ family, length }: Cidr): bigint {
  return 1n << BigInt(BITS[family] - length);
}

/** Whether `inner`, an address or a range, is wholly inside `outer`. */
export function contains(outer: Cidr, inner: Address | Cidr): boolean {
  const isAsLong = !('length' in inner) || inner.length >= outer.length;
  return isAsLong && inner.family === outer.family && prefixOf(inner.family, inner.value, outer.length) === outer.value;
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return contains(a, b) || contains(b, a);
}

/**
 * The address with the prefix of `to` in place of that of `from`; its host bits stay (NET-03).
 * @returns undefined where the address is not in `from`
 * @throws RangeError where the two ranges differ in size: no address could be kept
 */
export function translate(address: Address, from: Cidr, to: Cidr): Address | undefined {
  if (from.family !== to.family || from.length !== to.length) {
    throw new RangeError(`${formatCidr(from)} and ${formatCidr(to)} differ in size`);
  }
  if (!contains(from, address)) return undefined;
  return { family: to.family, value: to.value | (address.value - from.value) };
}

/**
 * The first range of `length` bits in `pool` that touches nothing of `taken`, lowest address first. Jumps over what is
 * taken, so its cost does not depend on the size of the pool.
 */
export function firstFree(pool: Cidr, length: number, taken: readonly Cidr[]): Cidr | undefined {
  if (length < pool.length || length > BITS[pool.family]) return undefined;
  const { family } = pool;
  const size = 1n << BigInt(BITS[family] - length);
  const end = pool.value + sizeOf(pool);
  const busy = taken
    .filter((range) => overlaps(pool, range))
    .map((range) => ({ start: range.value, end: range.value + sizeOf(range) }))
    .toSorted((a, b) => (a.start < b.start ? -1 : Number(a.start > b.start)));
  let candidate = pool.value;
  for (const { start, end: busyEnd } of busy) {
    if (busyEnd <= candidate) continue;
    if (start >= candidate + size) break;
    // Up to the next multiple of the size: ranges are aligned.
    candidate = ((busyEnd + size - 1n) / size) * size;
  }
  return candidate + size <= end ? { family, value: candidate, length } : undefined;
}
