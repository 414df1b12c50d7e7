import { describe, expect, test } from 'vitest';
import {
  addressIn,
  bedAddress,
  type BedPlan,
  type BedRequest,
  chooseSubnet,
  kwokPodRange,
  planBed,
  subnetOf,
} from './address-plan.ts';

/** The plan as lines, so that a failure reads as a diff. */
function print(plan: BedPlan): string[] {
  return plan.clusters.flatMap((cluster) => [
    `${cluster.name} pods ${cluster.podRange} services ${cluster.serviceRange} kwok ${cluster.kwokNodes}`,
    ...cluster.nodes.map((node) => `  ${node.nodeName} ${node.address} ${node.podRange}`),
  ]);
}

function grow(...requests: BedRequest[]): BedPlan {
  let plan: BedPlan | undefined;
  for (const request of requests) plan = planBed(plan, request, 7);
  if (plan === undefined) throw new Error('no request');
  return plan;
}

describe('planBed', () => {
  test('makes two clusters of one node with equal ranges by default', () => {
    expect(print(grow({}))).toEqual([
      'milan pods 10.244.0.0/16 services 10.96.0.0/16 kwok 0',
      '  milan-node1 198.18.7.10 10.244.0.0/24',
      'rome pods 10.244.0.0/16 services 10.96.0.0/16 kwok 0',
      '  rome-node1 198.18.7.11 10.244.0.0/24',
    ]);
  });

  test('gives each cluster its own ranges where they are distinct', () => {
    expect(print(grow({ clusters: ['a', 'b'], ranges: 'distinct', nodes: 2 }))).toEqual([
      'a pods 10.244.0.0/16 services 10.96.0.0/16 kwok 0',
      '  a-node1 198.18.7.10 10.244.0.0/24',
      '  a-node2 198.18.7.11 10.244.1.0/24',
      'b pods 10.243.0.0/16 services 10.97.0.0/16 kwok 0',
      '  b-node1 198.18.7.12 10.243.0.0/24',
      '  b-node2 198.18.7.13 10.243.1.0/24',
    ]);
  });

  test('keeps every address when nodes and clusters are added', () => {
    const before = grow({});
    const after = planBed(before, { clusters: ['oslo', 'milan'], nodes: 2 }, 99);
    expect(print(after)).toEqual([
      'milan pods 10.244.0.0/16 services 10.96.0.0/16 kwok 0',
      '  milan-node1 198.18.7.10 10.244.0.0/24',
      '  milan-node2 198.18.7.12 10.244.1.0/24',
      'rome pods 10.244.0.0/16 services 10.96.0.0/16 kwok 0',
      '  rome-node1 198.18.7.11 10.244.0.0/24',
      'oslo pods 10.244.0.0/16 services 10.96.0.0/16 kwok 0',
      '  oslo-node1 198.18.7.13 10.244.0.0/24',
      '  oslo-node2 198.18.7.14 10.244.1.0/24',
    ]);
  });

  test('the same request twice changes nothing', () => {
    const request = { nodes: 3, kwok: 5, kwokClusters: ['rome'] };
    expect(grow(request, request)).toEqual(grow(request));
  });

  test('never takes nodes away', () => {
    expect(print(grow({ nodes: 2 }, { nodes: 1 }))).toEqual(print(grow({ nodes: 2 })));
  });

  test('adds kwok nodes only where they were asked for, and keeps them until told otherwise', () => {
    const plan = grow({ kwok: 100, kwokClusters: ['rome'] }, { nodes: 1 });
    expect(plan.clusters.map((cluster) => cluster.kwokNodes)).toEqual([0, 100]);
    expect(planBed(plan, { kwok: 0 }, 7).clusters.map((cluster) => cluster.kwokNodes)).toEqual([0, 0]);
  });

  test('refuses to change the ranges of clusters that exist', () => {
    expect(() => grow({}, { ranges: 'distinct' })).toThrow(/--ranges distinct.*it was made with --ranges same.*down/);
  });

  test('refuses kwok nodes for a cluster that nobody asked for', () => {
    expect(() => grow({ kwok: 1, kwokClusters: ['lima'] })).toThrow(/lima.*milan, rome/);
  });

  test('refuses more nodes than a subnet has addresses', () => {
    const clusters = Array.from({ length: 4 }, (_, index) => `c${index}`);
    expect(() => grow({ clusters, nodes: 61 })).toThrow('a bed has addresses for 241 nodes');
  });

  test('refuses more distinct ranges than there are', () => {
    const clusters = Array.from({ length: 61 }, (_, index) => `c${index}`);
    expect(() => grow({ clusters, ranges: 'distinct' })).toThrow('a bed has addresses for 60 clusters');
    expect(grow({ clusters }).clusters).toHaveLength(61);
  });
});

describe('subnets', () => {
  test.each([
    [0, '198.18.0.1'],
    [255, '198.18.255.1'],
    [256, '198.19.0.1'],
    [511, '198.19.255.1'],
  ])('number %i holds %s', (subnet, address) => {
    expect(bedAddress(subnet, 1)).toBe(address);
    expect(subnetOf(address)).toBe(subnet);
  });

  test.each(['10.0.0.1', '198.20.0.1', 'default', ''])('%s is of none', (address) => {
    expect(subnetOf(address)).toBeUndefined();
  });

  test('the same bed gets the same subnet, and the next one when it is taken', () => {
    const first = chooseSubnet('3489cec7', new Set());
    expect(chooseSubnet('3489cec7', new Set())).toBe(first);
    expect(chooseSubnet('3489cec7', new Set([first]))).toBe((first + 1) % 512);
  });

  test('says so when all are taken', () => {
    const all = new Set(Array.from({ length: 512 }, (_, index) => index));
    expect(() => chooseSubnet('x', all)).toThrow('all 512 subnets are taken');
  });
});

test('the API server has the first address of the service range, DNS the tenth', () => {
  expect([addressIn('10.96.0.0/16', 1), addressIn('10.97.0.0/16', 10)]).toEqual(['10.96.0.1', '10.97.0.10']);
});

test('kwok pods get the half of the pod range that no real node has', () => {
  expect(kwokPodRange('10.243.0.0/16')).toBe('10.243.128.0/17');
});
