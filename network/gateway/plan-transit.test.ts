import { expect, test } from 'vitest';
import type { ClusterNetwork, Peer } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { planTransit, transitAddresses } from './plan-transit.ts';

const network: ClusterNetwork = {
  metadata: { name: 'cluster' },
  spec: { podRanges: ['10.244.0.0/16'], anchorRange: '10.252.0.0/20' },
};
const peer = (name: string, transit?: 'Deny'): Peer => ({
  metadata: { name },
  spec: { roles: [], ...(transit !== undefined && { transit }) },
});
const groups = [
  { peers: ['pisa', 'rome', 'turin'], namespaces: new Set(['all']) },
  { peers: ['rome', 'turin'], namespaces: new Set(['shop']) },
];
const facts = {
  network,
  groups,
  peers: [peer('rome'), peer('turin'), peer('pisa')],
  usable: new Set(['rome', 'turin', 'pisa']),
};

test('packets pass between any two peers that share a namespace, take part and have a tunnel', () => {
  expect(planTransit(facts).pairs).toEqual([
    ['pisa', 'rome'],
    ['pisa', 'turin'],
    ['rome', 'turin'],
  ]);
  expect(planTransit({ ...facts, usable: new Set(['rome', 'turin']) }).pairs).toEqual([['rome', 'turin']]);
  expect(planTransit({ ...facts, peers: [peer('rome', 'Deny'), peer('turin'), peer('pisa')] }).pairs).toEqual([
    ['pisa', 'turin'],
  ]);
  const denied: ClusterNetwork = { ...network, spec: { ...network.spec, transit: 'Deny' } };
  expect(planTransit({ ...facts, network: denied })).toEqual({ pairs: [], groups: [] });
});

test('in a group are the pods of its namespaces at its peers, and no others', () => {
  const pod = (namespace: string, nodeName: string, ip: string, phase = 'Running'): Pod => ({
    metadata: { name: ip, namespace },
    spec: { containers: [], nodeName },
    status: { phase, podIPs: [{ ip }] },
  });
  const nodes = ['rome', 'turin', 'siena'].map((name) => ({
    metadata: { name, labels: { 'tombolo.io/peer': name } },
  }));
  const pods = [
    pod('shop', 'rome', '10.61.0.1'),
    pod('shop', 'turin', '10.62.0.1'),
    pod('shop', 'turin', '10.62.0.9', 'Succeeded'),
    pod('shop', 'siena', '10.63.0.1'),
    pod('shop', 'milan-node1', '10.244.0.1'),
    pod('all', 'rome', '10.61.0.2'),
    pod('bank', 'turin', '10.62.0.2'),
  ];
  expect(transitAddresses(planTransit(facts), { pods, nodes })).toEqual([['10.61.0.2'], ['10.61.0.1', '10.62.0.1']]);
});
