import { describe, expect, test } from 'vitest';
import { formatCidr, parseCidr } from '#network/cidr';
import {
  type AliasChoice,
  type AliasRequest,
  chooseAliases,
  DEFAULT_POOLS,
  formatAlias,
  type OwnedAlias,
} from './index.ts';

type Announced = Record<string, string[]>;
interface Given {
  readonly announced: Announced;
  readonly own?: string[];
  readonly pools?: readonly string[];
  readonly existing?: string[];
  readonly resting?: string[];
}

/** `rome 10.244.0.0/16 > 10.0.0.0/16`, as `print` writes it. */
function owned(line: string): OwnedAlias {
  const [peer = '', original = '', , alias = ''] = line.split(' ');
  return { peer, original: parseCidr(original), alias: parseCidr(alias) };
}

function request({ announced, own = [], pools = DEFAULT_POOLS, existing = [], resting = [] }: Given): AliasRequest {
  return {
    announced: new Map(Object.entries(announced).map(([peer, ranges]) => [peer, ranges.map(parseCidr)])),
    own: own.map(parseCidr),
    pools: pools.map(parseCidr),
    existing: existing.map(owned),
    resting: resting.map(owned),
  };
}

function print({ aliases, failures }: AliasChoice): string[] {
  return [
    ...[...aliases].flatMap(([peer, list]) =>
      list.map(formatAlias).map(({ original, alias }) => `${peer} ${original} > ${alias}`),
    ),
    ...failures.map(({ peer, original, error }) => `${peer} ${formatCidr(original)} ${error.code}: ${error.why}`),
  ];
}

const choose = (given: Given) => print(chooseAliases(request(given)));
const freed = (given: Given) =>
  chooseAliases(request(given)).freed.map(
    (one) => `${one.peer} ${formatCidr(one.original)} > ${formatCidr(one.alias)}`,
  );

test('NET-01 a range that is free here, in or outside the pools, is its own alias', () => {
  const ranges = ['10.244.0.0/16', '100.64.0.0/10', '203.0.113.0/24', 'fd00:10:244::/56'];
  const own = ['10.243.0.0/16', '10.245.0.0/16', 'fd00:10:245::/56'];
  expect(choose({ announced: { rome: ranges }, own })).toEqual(ranges.map((range) => `rome ${range} > ${range}`));
});

describe('NET-02 a range that overlaps', () => {
  test.each([
    ['is equal to one of ours', '10.244.0.0/16'],
    ['holds one of ours', '10.244.7.0/24'],
    ['is inside one of ours', '10.192.0.0/10'],
  ])('%s: the first free one of its size', (_, mine) => {
    expect(choose({ announced: { rome: ['10.244.0.0/16'] }, own: [mine, '10.0.0.0/16', '10.1.255.0/24'] })).toEqual([
      'rome 10.244.0.0/16 > 10.2.0.0/16',
    ]);
  });

  test('a range of another peer: the first in the order of their keys keeps its own', () => {
    expect(choose({ announced: { turin: ['10.244.0.0/16'], rome: ['10.244.128.0/17'] } })).toEqual([
      'rome 10.244.128.0/17 > 10.244.128.0/17',
      'turin 10.244.0.0/16 > 10.0.0.0/16',
    ]);
  });

  test('pools are searched in their order, and no pool of the other family', () => {
    const pools = ['fd00::/8', '192.168.0.0/16', '10.0.0.0/8'];
    const announced = { rome: ['172.16.0.0/24', '172.16.1.0/24', '172.20.0.0/14', 'fd00::/64'] };
    const own = ['172.16.0.0/12', '192.168.0.0/24', '192.168.2.0/23', 'fd00::/63'];
    expect(choose({ announced, own, pools })).toEqual([
      'rome 172.16.0.0/24 > 192.168.1.0/24',
      'rome 172.16.1.0/24 > 192.168.4.0/24',
      'rome 172.20.0.0/14 > 10.0.0.0/14',
      'rome fd00::/64 > fd00:0:0:2::/64',
    ]);
  });

  test('a range that another peer announces is no place for an alias, while there are others', () => {
    const given = {
      announced: { rome: ['10.244.0.0/16'], turin: ['10.0.0.0/16'] },
      own: ['10.244.0.0/16', '10.0.0.0/24'],
    };
    expect(choose(given)).toEqual(['rome 10.244.0.0/16 > 10.1.0.0/16', 'turin 10.0.0.0/16 > 10.2.0.0/16']);
    expect(choose({ ...given, own: ['10.244.0.0/16', '10.0.5.0/24'], pools: ['10.0.0.0/15'] })).toEqual([
      'rome 10.244.0.0/16 > 10.1.0.0/16',
      'turin 10.0.0.0/16 NoFreeRange: no free range of size /16, searched the pools 10.0.0.0/15',
    ]);
  });

  test('a peer that announces whole pools takes nothing from the others', () => {
    const announced = {
      bad: ['10.0.0.0/10', '10.64.0.0/10', '10.128.0.0/10', '10.192.0.0/10'],
      rome: ['10.244.0.0/16'],
    };
    const own = ['10.1.0.0/24', '10.65.0.0/24', '10.129.0.0/24', '10.244.0.0/24'];
    expect(choose({ announced, own, pools: ['10.0.0.0/8'] }).at(0)).toBe('rome 10.244.0.0/16 > 10.0.0.0/16');
  });
});

test('NET-04 another range gets an alias of its own, a replaced one frees its alias, the others stay', () => {
  const own = ['10.244.0.0/16', '10.245.0.0/16'];
  const existing = ['rome 10.244.0.0/16 > 10.0.0.0/16', 'turin 10.244.0.0/16 > 10.1.0.0/16'];
  const added = { announced: { rome: ['10.245.0.0/16', '10.244.0.0/16'], turin: ['10.244.0.0/16'] }, own, existing };
  expect(choose(added)).toEqual([
    'rome 10.244.0.0/16 > 10.0.0.0/16',
    'rome 10.245.0.0/16 > 10.2.0.0/16',
    'turin 10.244.0.0/16 > 10.1.0.0/16',
  ]);
  expect(freed(added)).toEqual([]);
  const replaced = { announced: { rome: ['10.245.0.0/16'], turin: ['10.244.0.0/16'] }, own, existing };
  expect(choose({ ...replaced, resting: freed(replaced) })).toEqual([
    'rome 10.245.0.0/16 > 10.2.0.0/16',
    'turin 10.244.0.0/16 > 10.1.0.0/16',
  ]);
  expect(freed(replaced)).toEqual(['rome 10.244.0.0/16 > 10.0.0.0/16']);
});

test('an alias stands although the range itself or a lower one became free, or its pool is no pool any more', () => {
  const existing = ['rome 10.244.0.0/16 > 10.9.0.0/16'];
  expect(choose({ announced: { rome: ['10.244.0.0/16'] }, existing, pools: ['192.168.0.0/16'] })).toEqual(existing);
});

test('an alias that a range of ours touches by now is replaced and freed', () => {
  const given = {
    announced: { rome: ['10.244.0.0/16'] },
    existing: ['rome 10.244.0.0/16 > 10.9.0.0/16'],
    own: ['10.244.0.0/16', '10.9.3.0/24'],
  };
  expect(choose(given)).toEqual(['rome 10.244.0.0/16 > 10.0.0.0/16']);
  expect(freed(given)).toEqual(given.existing);
});

test('of two that claim one alias the same keeps it, in whatever order they are listed', () => {
  const existing = [
    'turin 10.244.0.0/16 > 10.9.0.0/16',
    'rome 10.244.0.0/16 > 10.9.0.0/16',
    'rome 10.244.0.0/16 > 10.8.0.0/16',
  ];
  const given = { announced: { turin: ['10.244.0.0/16'], rome: ['10.244.0.0/16'] }, own: ['10.244.0.0/16'] };
  for (const list of [existing, existing.toReversed()])
    expect(choose({ ...given, existing: list })).toEqual([
      'rome 10.244.0.0/16 > 10.8.0.0/16',
      'turin 10.244.0.0/16 > 10.9.0.0/16',
    ]);
});

test('a freed alias rests: only the range that had it gets it back', () => {
  const resting = ['rome 10.244.0.0/16 > 10.0.0.0/16'];
  const own = ['10.244.0.0/16'];
  expect(choose({ announced: { turin: ['10.244.0.0/16'] }, own, resting })).toEqual([
    'turin 10.244.0.0/16 > 10.1.0.0/16',
  ]);
  expect(choose({ announced: { turin: ['10.0.0.0/17'] }, own, resting })).toEqual(['turin 10.0.0.0/17 > 10.1.0.0/17']);
  expect(choose({ announced: { rome: ['10.244.0.0/16'] }, own, resting })).toEqual(resting);
  expect(choose({ announced: { turin: ['10.244.0.0/16'] }, own })).toEqual(['turin 10.244.0.0/16 > 10.0.0.0/16']);
});

describe('no free range of that size', () => {
  const own = ['10.244.0.0/16', '10.0.0.0/24', 'fd00::/64'];
  const announced = { rome: ['10.244.0.0/16', '10.9.0.0/16', 'fd00::/64'], turin: ['10.244.0.0/17'] };

  test('is said with size and pools, and takes nothing from other ranges and peers', () => {
    expect(choose({ announced, own, pools: ['10.0.0.0/16'] })).toEqual([
      'rome 10.9.0.0/16 > 10.9.0.0/16',
      'turin 10.244.0.0/17 > 10.0.128.0/17',
      'rome 10.244.0.0/16 NoFreeRange: no free range of size /16, searched the pools 10.0.0.0/16',
      'rome fd00::/64 NoFreeRange: no free range of size /64, searched no pool of IPv6',
    ]);
  });

  test('is over when a range becomes free', () => {
    expect(choose({ announced, own: ['10.244.0.0/16'], pools: ['10.0.0.0/16'] })).toContain(
      'rome 10.244.0.0/16 > 10.0.0.0/16',
    );
  });
});
