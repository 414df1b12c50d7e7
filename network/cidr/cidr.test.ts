import { BlockList } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Address, formatAddress, parseAddress } from './address.ts';
import {
  type Cidr,
  compareCidrs,
  contains,
  covers,
  formatCidr,
  overlaps,
  parseCidr,
  rangeOf,
  readCidr,
} from './cidr.ts';
import { CidrError } from './errors.ts';
import { hostPart, translate } from './translate.ts';

/** Few bits differ, so that random ranges often touch each other. */
const addresses: fc.Arbitrary<Address> = fc.oneof(
  fc.bigInt(0n, 255n).map((low) => ({ family: 4 as const, value: 0x0a000000n | (low << 4n) })),
  fc.bigInt(0n, 255n).map((low) => ({ family: 6 as const, value: (0xfd00n << 112n) | (low << 60n) })),
);
const ranges = fc
  .tuple(addresses, fc.integer({ min: 0, max: 128 }))
  .map(([address, length]) => rangeOf(address, address.family === 4 ? length % 33 : length));

test.each(['0.0.0.0/0', '10.244.0.0/16', '255.255.255.255/32', '::/0', 'fd00:1::/64', '2001:db8::1/128', 'fe80::/10'])(
  'reads %s and writes the same',
  (text) => {
    expect(formatCidr(parseCidr(text))).toBe(text);
  },
);

test.each([
  ['10.0.0.1/24', 'has host bits set: the range is 10.0.0.0/24'],
  ['fd00::1/64', 'has host bits set: the range is fd00::/64'],
  ['10.0.0.0', 'is no range'],
  ['10.0.0.0/8/8', 'is no range'],
  ['10.0.0.0/', 'prefix length that is no number from 0 to 32'],
  ['10.0.0.0/33', 'prefix length that is no number from 0 to 32'],
  ['fd00::/129', 'prefix length that is no number from 0 to 128'],
  ['10.0.0.0/08', 'leading zero in its prefix length'],
  ['10.0.0.0/+8', 'prefix length that is no number'],
  ['10.0.0.0/-1', 'prefix length that is no number'],
  ['10.0.0.0/255.0.0.0', 'prefix length that is no number'],
  ['10.0.0.0/ 8', 'prefix length that is no number'],
  ['10.0.0.0 /8', 'space'],
  ['10/8', 'is no IPv4 address'],
  ['010.0.0.0/8', 'leading zero'],
  ['fe80::%eth0/64', 'zone id'],
  ['/', 'is no IPv4 address'],
])('refuses “%s” and says why', (text, why) => {
  expect(() => parseCidr(text)).toThrow(CidrError);
  expect(() => parseCidr(text)).toThrow(why);
  expect(readCidr(text)).toBeUndefined();
});

test('a length that the family does not have makes no range', () => {
  for (const length of [-1, 33, 1.5, Number.NaN])
    expect(() => rangeOf(parseAddress('10.0.0.0'), length)).toThrow(CidrError);
});

test('a range cannot be changed', () => {
  expect(Object.isFrozen(parseCidr('10.0.0.0/8'))).toBe(true);
});

test('a range contains the addresses that the block list of Node has', () => {
  fc.assert(
    fc.property(ranges, addresses, (range, address) => {
      const kind = (family: number) => (family === 4 ? 'ipv4' : 'ipv6');
      const list = new BlockList();
      list.addSubnet(formatAddress({ ...range, value: range.first }), range.prefixLength, kind(range.family));
      const expected = range.family === address.family && list.check(formatAddress(address), kind(address.family));
      expect(contains(range, address)).toBe(expected);
    }),
  );
});

test('ranges overlap where one begins in the other, and are covered where they end there too', () => {
  fc.assert(
    fc.property(ranges, ranges, (a, b) => {
      const at = ({ family, first }: Cidr) => ({ family, value: first });
      const end = ({ family, last }: Cidr) => ({ family, value: last });
      expect(covers(a, b)).toBe(contains(a, at(b)) && contains(a, end(b)));
      expect(overlaps(a, b)).toBe(contains(a, at(b)) || contains(b, at(a)));
      expect(overlaps(a, b)).toBe(covers(a, b) || covers(b, a));
      expect(Math.sign(compareCidrs(a, b))).toBe(-Math.sign(compareCidrs(b, a)) + 0);
      expect(compareCidrs(a, b) === 0).toBe(formatCidr(a) === formatCidr(b));
    }),
  );
});

test('ranges are ordered by family, address and size', () => {
  const sorted = ['10.0.0.0/8', '10.0.0.0/16', '10.1.0.0/16', '192.168.0.0/16', '::/0', 'fd00::/8'];
  expect(sorted.toReversed().map(parseCidr).sort(compareCidrs).map(formatCidr)).toEqual(sorted);
});

test('NET-03 an alias address is the alias prefix with the host bits of the original, for any prefix length', () => {
  const cases = fc.constantFrom<4 | 6>(4, 6).chain((family) => {
    const bits = family === 4 ? 32 : 128;
    const value = fc.bigInt(0n, (1n << BigInt(bits)) - 1n);
    return fc.record({ family: fc.constant(family), length: fc.nat(bits), address: value, to: value });
  });
  fc.assert(
    fc.property(cases, ({ family, length, address, to }) => {
      const bits = family === 4 ? 32 : 128;
      const from = rangeOf({ family, value: address }, length);
      const alias = rangeOf({ family, value: to }, length);
      const seen = translate({ family, value: address }, from, alias);
      // The model: prefix bits of one text of bits, host bits of the other.
      const binary = (value: bigint) => value.toString(2).padStart(bits, '0');
      expect(binary(seen.value)).toBe(binary(to).slice(0, length) + binary(address).slice(length));
      expect(hostPart(seen, alias)).toBe(hostPart({ family, value: address }, from));
      expect(translate(seen, alias, from).value).toBe(address);
    }),
  );
});

test('ranges of different size or family, and addresses outside, are not translated', () => {
  const address = parseAddress('10.244.0.7');
  const from = parseCidr('10.244.0.0/16');
  expect(() => translate(address, from, parseCidr('10.0.0.0/15'))).toThrow('differ in family or length');
  expect(() => translate(address, from, parseCidr('fd00::/16'))).toThrow('differ in family or length');
  expect(() => translate(parseAddress('10.245.0.7'), from, from)).toThrow('is not in 10.244.0.0/16');
});
