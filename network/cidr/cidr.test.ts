import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Address,
  type Cidr,
  contains,
  type Family,
  firstFree,
  formatAddress,
  formatCidr,
  overlaps,
  parseAddress,
  parseCidr,
  sizeOf,
  translate,
} from './cidr.ts';

/** All ranges inside 10.0.0.0/24 and fd00::/120: small enough for a model that looks at every address. */
const BASE = { 4: parseCidr('10.0.0.0/24'), 6: parseCidr('fd00::/120') };
const family = fc.constantFrom<Family>(4, 6);
const small = (version: Family): fc.Arbitrary<Cidr> =>
  fc.record({ host: fc.bigInt(0n, 255n), bits: fc.integer({ min: 0, max: 8 }) }).map(({ host, bits }) => {
    const shift = BigInt(8 - bits);
    return {
      family: version,
      value: BASE[version].value + ((host >> shift) << shift),
      length: BASE[version].length + bits,
    };
  });
const addressesOf = (range: Cidr): bigint[] =>
  Array.from({ length: Number(sizeOf(range)) }, (_, index) => range.value + BigInt(index));

describe('text', () => {
  test.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['255.255.255.255/32', '255.255.255.255/32'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['::/0', '::/0'],
    ['::ffff:192.0.2.0/120', '::ffff:c000:200/120'],
    ['2001:db8:0:0:1:0:0:0/80', '2001:db8:0:0:1::/80'],
    ['2001:0:0:1::/64', '2001:0:0:1::/64'],
    ['1:2:3:4:5:6:7:8/128', '1:2:3:4:5:6:7:8/128'],
    ['1:0:3:4:5:6:7:8/128', '1:0:3:4:5:6:7:8/128'],
  ])('%s is %s', (text, canonical) => {
    expect(formatCidr(parseCidr(text))).toBe(canonical);
  });

  test.each([
    ['10.0.0.1/8', 'host bits set; the range is 10.0.0.0/8'],
    ['fd00::1/64', 'host bits set; the range is fd00::/64'],
    ['10.0.0.0/33', 'at most 32 bits'],
    ['fd00::/129', 'at most 128 bits'],
    ['10.0.0.0', 'not ADDRESS/LENGTH'],
    ['10.0.0.0/08', 'not ADDRESS/LENGTH'],
    ['10.0.0.0/', 'not ADDRESS/LENGTH'],
    ['10.0.0.0/8/8', 'not ADDRESS/LENGTH'],
    [' 10.0.0.0/8', 'no IPv4 or IPv6 address'],
    ['10.0.0/8', 'no IPv4 or IPv6 address'],
    ['010.0.0.0/8', 'no IPv4 or IPv6 address'],
    ['10.0.0.0/-1', 'not ADDRESS/LENGTH'],
    ['fe80::%eth0/64', 'no IPv4 or IPv6 address'],
    ['rome/8', 'no IPv4 or IPv6 address'],
    ['', 'not ADDRESS/LENGTH'],
  ])('"%s" is refused: %s', (text, why) => {
    expect(() => parseCidr(text)).toThrow(why);
  });

  test('every address survives being written and read', () => {
    const bits = (version: Family) => (version === 4 ? 32n : 128n);
    const address = family.chain((version) =>
      fc.bigInt(0n, (1n << bits(version)) - 1n).map((value): Address => ({ family: version, value })),
    );
    fc.assert(
      fc.property(address, (given) => {
        expect(parseAddress(formatAddress(given))).toEqual(given);
      }),
    );
  });
});

describe('against a model that looks at every address', () => {
  test('contains and overlaps', () => {
    const pair = family.chain((version) => fc.tuple(small(version), small(version)));
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const [inA, inB] = [new Set(addressesOf(a)), addressesOf(b)];
        expect(contains(a, b)).toBe(inB.every((value) => inA.has(value)));
        expect(overlaps(a, b)).toBe(inB.some((value) => inA.has(value)));
      }),
    );
  });

  test('contains an address exactly where the kernel of Node says so', () => {
    fc.assert(
      fc.property(
        family.chain((version) => fc.tuple(small(version), small(version))),
        ([range, other]) => {
          const oracle = new BlockList();
          const kind = range.family === 4 ? 'ipv4' : 'ipv6';
          oracle.addSubnet(formatAddress(range), range.length, kind);
          const address = { family: other.family, value: other.value };
          expect(contains(range, address)).toBe(oracle.check(formatAddress(address), kind));
        },
      ),
    );
  });

  test('the first free range is the first aligned one that touches nothing', () => {
    const setting = family.chain((version) =>
      fc.record({
        pool: small(version),
        bits: fc.integer({ min: 0, max: 8 }),
        taken: fc.array(small(version), { maxLength: 12 }),
      }),
    );
    fc.assert(
      fc.property(setting, ({ pool, bits, taken }) => {
        const length = BASE[pool.family].length + bits;
        const size = 1n << BigInt(8 - bits);
        const busy = new Set(taken.flatMap(addressesOf));
        let expected: Cidr | undefined;
        for (let value = pool.value; value + size <= pool.value + sizeOf(pool); value += size) {
          const candidate = { family: pool.family, value, length };
          if (length >= pool.length && addressesOf(candidate).every((address) => !busy.has(address))) {
            expected = candidate;
            break;
          }
        }
        expect(firstFree(pool, length, taken)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test('NET-03 an alias keeps the host bits, for any length of prefix', () => {
    const setting = family.chain((version) => fc.tuple(small(version), small(version), fc.bigInt(0n, 255n)));
    fc.assert(
      fc.property(setting, ([range, other, host]) => {
        const from = range;
        const size = sizeOf(from);
        const to = { ...other, value: (other.value / size) * size, length: from.length };
        const address = { family: from.family, value: from.value + (host % size) };
        const alias = translate(address, from, to);
        expect(alias).toEqual({ family: to.family, value: to.value + (host % size) });
        expect(alias && translate(alias, to, from)).toEqual(address);
      }),
    );
  });
});

test('families never meet', () => {
  expect(overlaps(parseCidr('0.0.0.0/0'), parseCidr('::/0'))).toBe(false);
  expect(contains(parseCidr('::/0'), parseAddress('10.0.0.1'))).toBe(false);
  expect(() => translate(parseAddress('10.0.0.1'), parseCidr('10.0.0.0/8'), parseCidr('fd00::/8'))).toThrow('differ');
  expect(translate(parseAddress('11.0.0.1'), parseCidr('10.0.0.0/8'), parseCidr('12.0.0.0/8'))).toBeUndefined();
});
