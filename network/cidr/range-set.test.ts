import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Family } from './address.ts';
import { type Cidr, formatCidr, overlaps, parseCidr, rangeOf } from './cidr.ts';
import { firstFree, RangeSet } from './range-set.ts';

/** A world of 64 blocks at the very end of the address space, where arithmetic could run over. */
const WORLD_BITS = 6;
const range = (family: Family, block: number, length: number): Cidr => {
  const bits = family === 4 ? 32 : 128;
  const start = (1n << BigInt(bits)) - (1n << BigInt(WORLD_BITS));
  return rangeOf({ family, value: start + BigInt(block) }, bits - WORLD_BITS + length);
};
const families = fc.constantFrom<Family>(4, 6);
const rangesOf = (family: Family) =>
  fc.tuple(fc.nat(2 ** WORLD_BITS - 1), fc.nat(WORLD_BITS)).map(([block, length]) => range(family, block, length));
const worlds = families.chain((family) =>
  fc.record({
    taken: fc.array(
      fc.oneof({ weight: 9, arbitrary: rangesOf(family) }, { weight: 1, arbitrary: rangesOf(family === 4 ? 6 : 4) }),
      {
        maxLength: 24,
      },
    ),
    pool: rangesOf(family),
    asked: rangesOf(family),
  }),
);

test('the set overlaps what any of its ranges overlaps', () => {
  fc.assert(
    fc.property(worlds, ({ taken, asked }) => {
      const grown = new RangeSet();
      for (const one of taken) grown.add(one);
      const expected = taken.some((one) => overlaps(one, asked));
      expect([grown.overlaps(asked), new RangeSet(taken).overlaps(asked)]).toEqual([expected, expected]);
    }),
    { numRuns: 1000 },
  );
});

test('the first free range is the one that trying each in turn finds', () => {
  fc.assert(
    fc.property(worlds, ({ taken, pool, asked: { prefixLength } }) => {
      let model: Cidr | undefined;
      const step = 1n << BigInt((pool.family === 4 ? 32 : 128) - prefixLength);
      for (let value = pool.first; model === undefined && value + step - 1n <= pool.last; value += step) {
        const candidate = rangeOf({ family: pool.family, value }, prefixLength);
        if (!taken.some((one) => overlaps(one, candidate))) model = candidate;
      }
      expect(firstFree(pool, prefixLength, taken)).toEqual(model);
    }),
    { numRuns: 2000 },
  );
});

test('a set that was asked before and has grown since answers as a new one', () => {
  fc.assert(
    fc.property(worlds, ({ taken, pool, asked: { prefixLength } }) => {
      const grown = new RangeSet();
      for (const [index, one] of taken.entries()) {
        grown.add(one);
        expect(grown.firstFree(pool, prefixLength)).toEqual(firstFree(pool, prefixLength, taken.slice(0, index + 1)));
      }
    }),
    { numRuns: 1000 },
  );
});

test('a big pool is not walked address by address', () => {
  const free = (pool: string, length: number, ...taken: string[]) => {
    const found = firstFree(parseCidr(pool), length, taken.map(parseCidr));
    return found && formatCidr(found);
  };
  expect(free('::/0', 128, '::/1')).toBe('8000::/128');
  expect(free('10.0.0.0/8', 16, '10.0.0.0/16', '10.1.2.3/32', '10.3.0.0/16')).toBe('10.2.0.0/16');
  expect(free('10.0.0.0/8', 32, '10.0.0.0/9', '10.128.0.0/9')).toBeUndefined();
  expect(free('10.0.0.0/8', 7)).toBeUndefined();
  expect(free('10.0.0.0/8', 8, 'fd00::/8')).toBe('10.0.0.0/8');
});
