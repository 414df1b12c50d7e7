import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Address, formatAddress, parseAddress, readAddress } from './address.ts';
import { CidrError } from './errors.ts';

const values4 = fc.bigInt(0n, 2n ** 32n - 1n);
const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 });
const values6 = groups.map((list) => list.reduce((value, group) => (value << 16n) | BigInt(group), 0n));
const addresses: fc.Arbitrary<Address> = fc.oneof(
  values4.map((value) => ({ family: 4 as const, value })),
  values6.map((value) => ({ family: 6 as const, value })),
);

test.each([
  ['0.0.0.0', 4, 0n],
  ['10.0.0.1', 4, 0x0a000001n],
  ['255.255.255.255', 4, 0xffffffffn],
  ['::', 6, 0n],
  ['::1', 6, 1n],
  ['1::', 6, 1n << 112n],
  ['2001:DB8::0001', 6, (0x20010db8n << 96n) | 1n],
  ['1:2:3:4:5:6:7:8', 6, 0x00010002000300040005000600070008n],
  ['1:2:3:4:5:6:7::', 6, 0x00010002000300040005000600070000n],
  ['::ffff:192.0.2.1', 6, 0xffffc0000201n],
  ['64:ff9b::192.0.2.33', 6, (0x0064ff9bn << 96n) | 0xc0000221n],
] as const)('reads %s', (text, family, value) => {
  expect(parseAddress(text)).toEqual({ family, value });
});

test.each([
  ['', 'is no IPv4 address'],
  ['10.0.0', 'is no IPv4 address'],
  ['10.1', 'is no IPv4 address'],
  ['167772161', 'is no IPv4 address'],
  ['10.0.0.1.', 'is no IPv4 address'],
  ['010.0.0.1', 'leading zero in 010'],
  ['10.0.0.00', 'leading zero in 00'],
  ['10.0.0.256', 'no number from 0 to 255'],
  ['10.0.0.-1', 'no number from 0 to 255'],
  ['0x10.0.0.1', 'leading zero|no number'],
  ['10.0.0.１', 'no number from 0 to 255'],
  ['10..0.1', 'no number from 0 to 255'],
  [' 10.0.0.1', 'space'],
  ['10.0.0.1\n', 'space'],
  ['fe80::1%eth0', 'zone id'],
  ['[::1]', 'hexadecimal'],
  ['1::2::3', '“::” more than once'],
  [':::', 'hexadecimal'],
  [':1', 'eight groups'],
  ['1:2:3:4:5:6:7:8:9', 'eight groups'],
  ['1:2:3:4:5:6:7:8::', 'eight groups'],
  ['1:2:3:4::5:6:7:8', 'eight groups'],
  ['12345::', 'hexadecimal'],
  ['g::', 'hexadecimal'],
  ['::1.2.3', 'is no IPv4 address'],
  ['::01.2.3.4', 'leading zero'],
  ['1.2.3.4::', 'is no IPv4 address'],
  ['example.com', 'is no IPv4 address'],
  ['1'.repeat(10_000), 'too long'],
])('refuses “%s” and says why', (text, why) => {
  expect(() => parseAddress(text)).toThrow(CidrError);
  expect(() => parseAddress(text)).toThrow(new RegExp(why));
  expect(readAddress(text)).toBeUndefined();
});

test('a refused text cannot forge a line of a log', () => {
  expect(() => parseAddress('a\nb')).toThrow(/^"a\\nb" has a space in it; write it like/);
});

describe('formatAddress', () => {
  test.each([
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'], // the first of two equal runs
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // one group is not shortened
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['ABCD::', 'abcd::'],
    ['0:0:0:0:0:ffff:c000:0201', '::ffff:192.0.2.1'],
    ['0:0:0:0:0:0:0:0', '::'],
  ])('writes %s as RFC 5952 says', (text, canonical) => {
    expect(formatAddress(parseAddress(text))).toBe(canonical);
  });

  test('what was written is read back as the same address, and other programs take it for one', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        const text = formatAddress(address);
        expect(parseAddress(text)).toEqual(address);
        expect(isIP(text)).toBe(address.family);
      }),
    );
  });

  test('IPv6 is written as URLs write it', () => {
    fc.assert(
      fc.property(values6, (value) => {
        fc.pre(value >> 32n !== 0xffffn); // URLs have no mixed notation
        expect(`[${formatAddress({ family: 6, value })}]`).toBe(
          new URL(
            `http://[${value
              .toString(16)
              .padStart(32, '0')
              .replaceAll(/.{4}(?=.)/g, '$&:')}]`,
          ).hostname,
        );
      }),
    );
  });
});

test('a text is an address here exactly where it is one for Node, zone ids aside', () => {
  const pieces = fc.constantFrom(
    '0',
    '1',
    '10',
    '255',
    '256',
    '00',
    '01',
    'ffff',
    'Fe80',
    '.',
    ':',
    '::',
    '%1',
    ' ',
    '/',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 17 }), (parts) => {
      const text = parts.join('');
      const strict = text.includes('%') ? 0 : isIP(text);
      expect(readAddress(text)?.family ?? 0).toBe(strict);
    }),
    { numRuns: 2000 },
  );
});
