import { describe, expect, test } from 'vitest';
import {
  addressIn,
  bedAddress,
  type BedPlan,
  type BedRequest,
  chooseSubnet,
  kwokPodRange,
  planAddedNode,
  planBed,
  planRemovedNode,
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

describe('nodes that come and go', () => {
  const before = grow({ clusters: ['milan', 'rome'], nodes: 3 });

  test('a new one takes the lowest free number and address, and its number decides its pods', () => {
    const { plan } = planRemovedNode(before, 'milan', 'milan-node2');
    const { plan: again, node } = planAddedNode(plan, 'milan');
    expect(node).toEqual({ ...before.clusters[0]?.nodes[1], name: 'node2', nodeName: 'milan-node2' });
    expect(planAddedNode(again, 'milan', 'node101').node).toMatchObject({
      nodeName: 'milan-node101',
      address: '198.18.7.16',
      podRange: '10.244.100.0/24',
    });
  });

  test('one that is there stays as it is, and the other clusters too', () => {
    expect(planAddedNode(before, 'rome', 'node2').plan).toBe(before);
    expect(planRemovedNode(before, 'rome', 'node3').plan.clusters[0]).toBe(before.clusters[0]);
  });

  test('up adds what is missing to a number, whatever went before', () => {
    const { plan } = planRemovedNode(before, 'milan', 'node2');
    expect(print(planBed(plan, { nodes: 3 }, 7)).filter((line) => line.includes('milan-'))).toEqual([
      '  milan-node1 198.18.7.10 10.244.0.0/24',
      '  milan-node3 198.18.7.12 10.244.2.0/24',
      '  milan-node2 198.18.7.11 10.244.1.0/24',
    ]);
  });

  test.each([
    ['turin', 'node2', /there is none of that name; name one of: milan, rome/],
    ['milan', 'node9', /no node of that name; name one of: node1, node2, node3/],
    ['milan', 'node1', /the control plane runs there/],
  ])('%s/%s cannot be removed', (cluster, name, message) => {
    expect(() => planRemovedNode(before, cluster, name)).toThrow(message);
  });

  test.each(['node0', 'node129', 'node1e1', 'Node2', '../x'])('%s is no name for a new one', (name) => {
    expect(() => planAddedNode(before, 'milan', name)).toThrow('names of nodes are node1 to node128');
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
