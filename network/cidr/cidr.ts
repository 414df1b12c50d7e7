import { type Address, BITS, type Family, formatAddress, type Parsed, parse } from './address.ts';
import { CidrError } from './errors.ts';

/** A range of addresses with no host bits set. Frozen; made only by the functions of this package. */
export interface Cidr {
  readonly family: Family;
  /** First address of the range. */
  readonly first: bigint;
  /** Last address of the range, included. */
  readonly last: bigint;
  /** 0 to 32 for IPv4, 0 to 128 for IPv6. */
  readonly prefixLength: number;
  readonly [brand]: 'Cidr';
}
declare const brand: unique symbol;

/**
 * Reads `10.244.0.0/16` or `fd00:1::/64` (RFC 4632 section 3.1, RFC 4291 section 2.3). The length is needed, host bits
 * must be zero.
 * @throws CidrError `BadCidr` with the text and the reason
 */
export function parseCidr(text: string): Cidr {
  const parsed = parseRange(text);
  if ('why' in parsed) throw new CidrError('BadCidr', text, parsed.why);
  return parsed.value;
}

/** As `parseCidr`; `undefined` for what is no range. */
export function readCidr(text: string): Cidr | undefined {
  const parsed = parseRange(text);
  return 'value' in parsed ? parsed.value : undefined;
}

/** The canonical text, with the address as `formatAddress` writes it. */
export function formatCidr({ family, first, prefixLength }: Cidr): string {
  return `${formatAddress({ family, value: first })}/${prefixLength}`;
}

/**
 * The range of that length which holds `address`: its host bits are cleared.
 * @throws CidrError `BadCidr` for a length that the family does not have
 */
export function rangeOf({ family, value }: Address, prefixLength: number): Cidr {
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > BITS[family])
    throw new CidrError('BadCidr', `/${prefixLength}`, `is no prefix length of IPv${family}`);
  const host = (1n << BigInt(BITS[family] - prefixLength)) - 1n;
  const range: Omit<Cidr, typeof brand> = { family, first: value & ~host, last: value | host, prefixLength };
  return Object.freeze(range) as Cidr; // the brand exists for the compiler only
}

/** Whether `address` is in `range`; false for the other family. */
export function contains(range: Cidr, address: Address): boolean {
  return range.family === address.family && range.first <= address.value && address.value <= range.last;
}

/** Whether all of `inner` is in `outer`; a range covers itself. */
export function covers(outer: Cidr, inner: Cidr): boolean {
  return outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last;
}

/** Whether the two share an address. Ranges overlap only by one covering the other. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** Order for `sort`: IPv4 first, then by first address, and a range before those that it covers. Zero: equal. */
export function compareCidrs(a: Cidr, b: Cidr): number {
  if (a.family !== b.family) return a.family - b.family;
  if (a.first !== b.first) return a.first < b.first ? -1 : 1;
  return a.prefixLength - b.prefixLength;
}

function parseRange(text: string): Parsed<Cidr> {
  const [base = '', length, ...more] = text.split('/', 3);
  const address = parse(base);
  if ('why' in address) return address;
  if (length === undefined || more.length > 0) return { why: 'is no range, which is an address, one “/” and a length' };
  if (/^0\d/.test(length)) return { why: 'has a leading zero in its prefix length' };
  const { family } = address.value;
  if (!/^\d{1,3}$/.test(length) || Number(length) > BITS[family])
    return { why: `has a prefix length that is no number from 0 to ${BITS[family]}` };
  const range = rangeOf(address.value, Number(length));
  if (range.first !== address.value.value) return { why: `has host bits set: the range is ${formatCidr(range)}` };
  return { value: range };
}
