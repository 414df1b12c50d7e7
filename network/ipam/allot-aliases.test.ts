import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { overlaps, parseCidr } from '#network/cidr';
import { type AliasRequest, allotAliases, MAX_ANNOUNCED, ownRangesProblem } from './allot-aliases.ts';

const POOLS = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];

function allot(announced: string[], request: Partial<AliasRequest> = {}) {
  const { aliases, problems } = allotAliases({
    announced,
    standing: [],
    taken: [],
    resting: [],
    pools: POOLS,
    ...request,
  });
  return { aliases: aliases.map(({ range, alias }) => `${range} as ${alias}`), problems };
}

describe('a place for a range', () => {
  test.each([
    ['inside the pools', '10.244.0.0/16'],
    ['outside the pools', '100.64.0.0/16'],
    ['of IPv6', 'fd00:1::/64'],
  ])('is its own where that is free: %s', (_, range) => {
    expect(allot([range])).toEqual({ aliases: [`${range} as ${range}`], problems: [] });
  });

  test.each([
    ['the lowest of the first pool', ['10.244.0.0/16'], '10.0.0.0/16'],
    ['above what is taken', ['10.244.0.0/16', '10.0.0.0/15', '10.2.3.0/24'], '10.3.0.0/16'],
    ['in the next pool where the first is full', ['10.0.0.0/8'], '172.16.0.0/16'],
    ['in the last pool', ['10.0.0.0/8', '172.16.0.0/12'], '192.168.0.0/16'],
  ])('is %s where its own is not free', (_, taken, alias) => {
    expect(allot(['10.244.0.0/16'], { taken })).toEqual({ aliases: [`10.244.0.0/16 as ${alias}`], problems: [] });
  });

  test('is never its own where it belongs to the Internet', () => {
    expect(allot(['198.51.100.0/24']).aliases).toEqual(['198.51.100.0/24 as 10.0.0.0/24']);
  });

  test('stays, although its own or a lower one is free now', () => {
    const standing = [{ range: '10.244.0.0/16', alias: '10.7.0.0/16' }];
    expect(allot(['10.244.0.0/16'], { standing }).aliases).toEqual(['10.244.0.0/16 as 10.7.0.0/16']);
  });

  test('is another one where somebody needs the old one, or where it was spoilt by hand', () => {
    const standing = [{ range: '10.244.0.0/16', alias: '10.7.0.0/16' }];
    expect(allot(['10.244.0.0/16'], { standing, taken: ['10.7.1.0/24'] }).aliases).toEqual([
      '10.244.0.0/16 as 10.244.0.0/16',
    ]);
    for (const alias of ['10.7.0.0/24', '127.0.0.0/16', 'nonsense']) {
      expect(allot(['10.244.0.0/16'], { standing: [{ range: '10.244.0.0/16', alias }] }).aliases).toEqual([
        '10.244.0.0/16 as 10.244.0.0/16',
      ]);
    }
  });

  test('is not one that was given back a moment ago', () => {
    const { aliases } = allot(['10.244.0.0/16'], { taken: ['10.244.0.0/16'], resting: ['10.0.0.0/16'] });
    expect(aliases).toEqual(['10.244.0.0/16 as 10.1.0.0/16']);
  });

  test('a new range never gets the place of one that stands', () => {
    const standing = [{ range: '10.244.0.0/16', alias: '10.5.0.0/16' }];
    expect(allot(['10.5.0.0/16', '10.244.0.0/16'], { standing }).aliases).toEqual([
      '10.5.0.0/16 as 10.0.0.0/16',
      '10.244.0.0/16 as 10.5.0.0/16',
    ]);
  });

  test('missing for one is said with size and pools, and the others have theirs', () => {
    const { aliases, problems } = allot(['10.0.0.0/8', '192.168.7.0/24'], { taken: ['10.1.0.0/16'] });
    expect(aliases).toEqual(['192.168.7.0/24 as 192.168.7.0/24']);
    expect(problems).toEqual([
      {
        range: '10.0.0.0/8',
        code: 'NoFreeRange',
        message:
          'range 10.0.0.0/8 needs a free range of the size /8, and none is left in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16',
      },
    ]);
  });
});

describe('what a peer announces', () => {
  test.each([
    ['0.0.0.0/0', 'all addresses there are'],
    ['127.0.0.0/16', 'loopback'],
    ['169.254.0.0/16', 'link-local'],
    ['224.0.0.0/8', 'multicast'],
    ['::1/128', 'unspecified or loopback'],
    ['fe80::/64', 'link-local'],
    ['ff02::/16', 'multicast'],
    ['::/0', 'all addresses there are'],
    ['10.0.0.1/16', 'host bits set: the range is 10.0.0.0/16'],
    ['32.0.0.0/3', 'larger than a /8'],
    ['fc00::/7', 'larger than a /32'],
    ['not-a-range', 'is no'],
  ])('%s is refused: %s', (range, why) => {
    const { aliases, problems } = allot([range, '10.9.0.0/16']);
    expect(aliases).toEqual(['10.9.0.0/16 as 10.9.0.0/16']);
    expect(problems).toMatchObject([{ range, code: 'RangeRefused' }]);
    expect(problems[0]?.message).toContain(why);
  });

  test('the second of two that overlap is refused', () => {
    const { aliases, problems } = allot(['10.9.0.0/16', '10.9.1.0/24']);
    expect(aliases).toHaveLength(1);
    expect(problems[0]?.message).toContain('overlaps 10.9.0.0/16');
  });

  test('more ranges than the limit cost nothing', () => {
    const announced = Array.from({ length: MAX_ANNOUNCED + 9 }, (_, index) => `10.0.${index}.0/24`);
    const { aliases, problems } = allot(announced);
    expect(aliases).toHaveLength(MAX_ANNOUNCED);
    expect(problems).toMatchObject([{ code: 'TooManyRanges' }]);
  });
});

test('whatever is asked: aliases have the size of their range and touch nothing, and asking again changes nothing', () => {
  const range = fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }), fc.integer({ min: 10, max: 24 }))
    .map(([b, c, length]) => {
      const value = (BigInt((10 << 24) + (b << 16) + (c << 8)) >> BigInt(32 - length)) << BigInt(32 - length);
      return `${[24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.')}/${length}`;
    });
  const request = fc.record({
    announced: fc.array(range, { maxLength: 8 }),
    taken: fc.array(range, { maxLength: 8 }),
    resting: fc.array(range, { maxLength: 4 }),
  });
  fc.assert(
    fc.property(request, ({ announced, taken, resting }) => {
      const asked = { announced, standing: [], taken, resting, pools: POOLS };
      const { aliases, problems } = allotAliases(asked);
      expect(aliases.length + problems.length).toBe(announced.length);
      const places = aliases.map(({ alias }) => parseCidr(alias));
      aliases.forEach((entry, index) => expect(places[index]?.prefixLength).toBe(parseCidr(entry.range).prefixLength));
      const all = [...places, ...[...taken, ...resting].map(parseCidr)];
      places.forEach((place, index) => {
        expect(all.every((other, at) => at === index || !overlaps(place, other))).toBe(true);
      });
      const again = allotAliases({ ...asked, standing: aliases, announced: announced.toReversed() });
      for (const entry of aliases) {
        const kept = again.aliases.find(({ range: same }) => same === entry.range);
        // Of two that overlap the first is used, so turning the order may refuse one that had a place.
        if (kept !== undefined) expect(kept).toEqual(entry);
      }
      expect(allotAliases({ ...asked, standing: aliases }).aliases).toEqual(aliases);
    }),
    { numRuns: 300 },
  );
});

describe('ranges of our own', () => {
  test.each([
    [[{ what: 'pod range', range: '10.244.0.0/16' }], undefined],
    [
      [
        { what: 'pod range', range: '10.244.0.0/16' },
        { what: 'service range', range: '10.244.128.0/20' },
      ],
      'service range 10.244.128.0/20 overlaps pod range 10.244.0.0/16',
    ],
    [[{ what: 'anchor range', range: '10.0.0.1/20' }], 'anchor range 10.0.0.1/20 cannot be used: it has host bits set'],
    [
      [
        { what: 'reserved range', range: '10.0.0.0/8' },
        { what: 'reserved range', range: '10.1.0.0/16' },
      ],
      undefined,
    ],
  ])('%j: %s', (ranges, problem) => {
    if (problem === undefined) expect(ownRangesProblem(ranges)).toBeUndefined();
    else expect(ownRangesProblem(ranges)).toContain(problem);
  });
});
