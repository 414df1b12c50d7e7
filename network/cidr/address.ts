import { CidrError } from './errors.ts';

export type Family = 4 | 6;

/** One address. Made by `parseAddress` or by arithmetic; equal values are equal addresses. */
export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** Bits of an address. */
export const BITS = { 4: 32, 6: 128 } as const satisfies Record<Family, number>;

/** What a parser says of a text: the value, or how the sentence about the text goes on. */
export type Parsed<T> = { readonly value: T } | { readonly why: string };

/** The longest text, `0000:0000:0000:0000:0000:ffff:255.255.255.255/128`, has 49 characters. */
const MAX_LENGTH = 49;

/**
 * Reads `10.0.0.1` or `2001:db8::1` (RFC 4291 section 2.2, mixed notation included). Leading zeros in IPv4, zone ids,
 * brackets, spaces, short and hexadecimal IPv4 are refused.
 * @throws CidrError `BadAddress` with the text and the reason
 */
export function parseAddress(text: string): Address {
  const parsed = parse(text);
  if ('why' in parsed) throw new CidrError('BadAddress', text, parsed.why);
  return parsed.value;
}

/** As `parseAddress`; `undefined` for what is no address. */
export function readAddress(text: string): Address | undefined {
  const parsed = parse(text);
  return 'value' in parsed ? parsed.value : undefined;
}

/** The canonical text: equal addresses give equal texts (RFC 5952; IPv4-mapped addresses in mixed notation, section 5). */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return dotted(value);
  if (value >> 32n === 0xffffn) return `::ffff:${dotted(value & 0xffffffffn)}`;
  const groups = Array.from({ length: 8 }, (_, at) => Number((value >> BigInt(112 - 16 * at)) & 0xffffn));
  const run = longestZeroRun(groups);
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return hex(groups); // one zero group is not shortened (section 4.2.2)
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

/** The parser without its exception, for `cidr.ts`. */
export function parse(text: string): Parsed<Address> {
  if (text.length > MAX_LENGTH) return { why: 'is too long for an address' };
  if (/\s/.test(text)) return { why: 'has a space in it' };
  if (text.includes('%')) return { why: 'has a zone id, which means something on one host only' };
  const family = text.includes(':') ? 6 : 4;
  const parsed = family === 6 ? parse6(text) : parse4(text);
  return 'why' in parsed ? parsed : { value: { family, value: parsed.value } };
}

function parse4(text: string): Parsed<bigint> {
  const parts = text.split('.');
  if (parts.length !== 4) return { why: 'is no IPv4 address, which is four numbers, and no IPv6 address' };
  let value = 0n;
  for (const part of parts) {
    if (/^0\d/.test(part)) return { why: `has a leading zero in ${part}, which some programs read as octal` };
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return { why: 'has a part that is no number from 0 to 255' };
    value = (value << 8n) | BigInt(part);
  }
  return { value };
}

function parse6(text: string): Parsed<bigint> {
  const lastGroup = text.lastIndexOf(':') + 1;
  const mixed = text.includes('.') ? parse4(text.slice(lastGroup)) : undefined;
  if (mixed !== undefined && 'why' in mixed) return mixed;
  const hex =
    mixed === undefined
      ? text
      : `${text.slice(0, lastGroup)}${(mixed.value >> 16n).toString(16)}:${(mixed.value & 0xffffn).toString(16)}`;
  const halves = hex.split('::').map((half) => (half === '' ? [] : half.split(':')));
  if (halves.length > 2) return { why: 'has “::” more than once' };
  const [head = [], tail = []] = halves;
  const missing = 8 - head.length - tail.length;
  // “::” stands for one or more groups (RFC 4291 section 2.2).
  if (halves.length === 2 ? missing < 1 : missing !== 0) return { why: 'does not have eight groups' };
  let value = 0n;
  for (const group of [...head, ...Array<string>(missing).fill('0'), ...tail]) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return { why: 'has a group that is not one to four hexadecimal digits' };
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return { value };
}

function dotted(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
}

/** The first of the longest, as section 4.2.3 wants. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, at) => {
    if (group !== 0) start = at + 1;
    else if (at + 1 - start > best.length) best = { start, length: at + 1 - start };
  });
  return best;
}
