import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BITS, type Cidr, covers, formatCidr, overlaps, parseCidr, rangeOf } from '#network/cidr';
import { checkAnnouncedRange, checkAnnouncedRanges, DEFAULT_ANNOUNCEMENT_POLICY, IpamError } from './index.ts';

const verdict = (text: string, consented: string[] = []) => {
  const result = checkAnnouncedRange(text, { ...DEFAULT_ANNOUNCEMENT_POLICY, consented: consented.map(parseCidr) });
  return result instanceof IpamError ? `${result.code}: ${result.message}` : formatCidr(result);
};

test.each([
  '10.244.0.0/16',
  '172.16.0.0/12',
  '192.168.7.0/24',
  '100.64.0.0/10',
  '10.0.0.1/32',
  'fd00:10:244::/56',
  'fc00::/40',
])('accepts %s without consent', (text) => {
  expect(verdict(text)).toBe(text);
});

test.each([
  ['127.0.0.0/8', 'RangeForbidden', 'loopback'],
  ['127.0.0.1/32', 'RangeForbidden', 'loopback'],
  ['126.0.0.0/7', 'RangeForbidden', 'loopback'], // only a part of it
  ['::1/128', 'RangeForbidden', 'loopback'],
  ['169.254.169.254/32', 'RangeForbidden', 'link-local'],
  ['fe80::/64', 'RangeForbidden', 'link-local'],
  ['224.0.0.0/24', 'RangeForbidden', 'multicast'],
  ['ff02::/64', 'RangeForbidden', 'multicast'],
  ['0.0.0.0/8', 'RangeForbidden', 'unspecified'],
  ['::/128', 'RangeForbidden', 'unspecified'],
  ['255.255.255.255/32', 'RangeForbidden', 'reserved'],
  ['::ffff:127.0.0.1/128', 'RangeForbidden', 'IPv4-mapped'],
  ['0.0.0.0/0', 'RangeTooLarge', 'all of IPv4'],
  ['::/0', 'RangeTooLarge', 'all of IPv6'],
  ['10.0.0.0/8', 'RangeTooLarge', 'larger than a /10'],
  ['fd00::/16', 'RangeTooLarge', 'larger than a /40'],
  ['10.244.0.1/16', 'RangeNotValid', 'host bits set: the range is 10.244.0.0/16'],
  ['10.244.0.0', 'RangeNotValid', 'is no range'],
  ['', 'RangeNotValid', 'is no IPv4 address'],
  ['8.8.8.0/24', 'RangeNotPrivate', 'outside the private ranges'],
  ['2001:db8::/64', 'RangeNotPrivate', 'outside the private ranges'],
])('refuses %s with a sentence: %s', (text, code, words) => {
  expect(verdict(text)).toMatch(new RegExp(`^${code}: accept a range of a peer: .*${words}.*; .+`));
  const { accepted } = checkAnnouncedRanges([text, '10.244.0.0/16']);
  expect(accepted.map(formatCidr)).toEqual(['10.244.0.0/16']);
});

test('consent opens the ranges it names and nothing that is dangerous', () => {
  expect(verdict('203.0.113.0/24', ['203.0.112.0/20'])).toBe('203.0.113.0/24');
  expect(verdict('203.0.128.0/24', ['203.0.112.0/20'])).toMatch('RangeNotPrivate');
  expect(verdict('2001:db8::/64', ['2001:db8::/48'])).toBe('2001:db8::/64');
  for (const text of ['127.0.0.0/8', '0.0.0.0/0', '::/0', '::1/128', '224.0.0.0/4', '64.0.0.0/2'])
    expect(verdict(text, ['0.0.0.0/0', '::/0'])).toMatch(/RangeForbidden|RangeTooLarge/);
});

describe('an announcement', () => {
  const codes = (texts: string[], maxRanges = 64) => {
    const { accepted, refused } = checkAnnouncedRanges(texts, { ...DEFAULT_ANNOUNCEMENT_POLICY, maxRanges });
    return [...accepted.map(formatCidr), ...refused.map(({ code, where }) => `${code} ${where}`)];
  };

  test('may not have one address twice', () => {
    expect(codes(['10.1.0.0/16', '10.1.2.0/24', '10.1.0.0/16', '10.2.0.0/16'])).toEqual([
      '10.1.0.0/16',
      '10.2.0.0/16',
      'RangeOverlapping 10.1.2.0/24',
      'RangeOverlapping 10.1.0.0/16',
    ]);
  });

  test('has a greatest number of ranges', () => {
    expect(codes(['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16', 'x'], 2)).toEqual([
      '10.1.0.0/16',
      '10.2.0.0/16',
      'TooManyRanges the last 2 ranges',
    ]);
  });

  test('has a greatest number of addresses per family', () => {
    expect(
      codes(['10.0.0.0/11', '10.32.0.0/12', '10.64.0.0/11', '10.48.0.0/12', '10.128.0.1/32', 'fd00::/40']),
    ).toEqual([
      '10.0.0.0/11',
      '10.32.0.0/12',
      '10.48.0.0/12',
      'fd00::/40',
      'TooManyRanges 10.64.0.0/11',
      'TooManyRanges 10.128.0.1/32',
    ]);
  });

  test('of anything leaves private, disjoint, bounded ranges', () => {
    const wild: fc.Arbitrary<Cidr> = fc
      .constantFrom<4 | 6>(4, 6)
      .chain((family) =>
        fc
          .tuple(fc.bigInt(0n, (1n << BigInt(BITS[family])) - 1n), fc.nat(BITS[family]))
          .map(([value, length]) => rangeOf({ family, value }, length)),
      );
    const near = fc
      .tuple(fc.nat(255), fc.integer({ min: 8, max: 32 }))
      .map(([low, length]) => rangeOf({ family: 4, value: (10n << 24n) | (BigInt(low) << 16n) }, length));
    const allowed = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'].map(parseCidr);
    fc.assert(
      fc.property(fc.array(fc.oneof(wild, near).map(formatCidr), { maxLength: 80 }), (texts) => {
        const { accepted, refused } = checkAnnouncedRanges(texts);
        expect(accepted.length + refused.length).toBe(Math.min(texts.length, 64) + (texts.length > 64 ? 1 : 0));
        expect(accepted.every((range) => allowed.some((outer) => covers(outer, range)))).toBe(true);
        expect(accepted.some((a, at) => accepted.slice(at + 1).some((b) => overlaps(a, b)))).toBe(false);
        const total = (family: 4 | 6) =>
          accepted.reduce((sum, one) => sum + (one.family === family ? one.last - one.first + 1n : 0n), 0n);
        expect(total(4) <= 2n ** 22n && total(6) <= 2n ** 88n).toBe(true);
      }),
    );
  });
});
