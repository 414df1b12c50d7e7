import { describe, expect, test } from 'vitest';
import type { ClusterNetwork, Peer } from '#pkg/api';
import type { EndpointSlice, Node, Pod } from '#pkg/kube';
import { type IsolationFacts, isolationMembers, isolationState, offersOf, trimToAddresses } from './index.ts';

const network: ClusterNetwork = {
  metadata: { name: 'cluster' },
  spec: { podRanges: ['10.244.0.0/16'], nodeRanges: ['192.0.2.0/24'], anchorRange: '10.252.0.0/20' },
};
const twinOf = (name: string, origin: string) => ({ metadata: { name, labels: { 'tombolo.io/origin': origin } } });
const namespaces = [twinOf('shop-milan', 'milan'), twinOf('shop-turin', 'turin')];
const node = (name: string, podCIDR: string, address: string): Node => ({
  metadata: { name },
  spec: { podCIDRs: [podCIDR] },
  status: { addresses: [{ type: 'InternalIP', address }] },
});
const pod = (namespace: string, name: string, nodeName: string, ip?: string): Pod => ({
  metadata: { name, namespace },
  spec: { containers: [], nodeName },
  status: { phase: 'Running', ...(ip !== undefined && { podIPs: [{ ip }] }) },
});
const slice = (namespace: string, labels: Record<string, string>, address: string): EndpointSlice => ({
  metadata: { name: 's', namespace, labels: { 'kubernetes.io/service-name': 'web', ...labels } },
  addressType: 'IPv4',
  ports: [{ name: 'web', port: 8080 }],
  endpoints: [{ addresses: [address] }],
});
const facts: IsolationFacts = {
  network,
  peers: [],
  namespaces,
  nodes: [node('a', '10.244.1.0/24', '192.0.2.1'), node('b', '10.244.2.0/24', '192.0.2.2')],
  pods: [
    pod('shop-milan', 'one', 'a', '10.244.1.5'),
    pod('shop-turin', 'two', 'b', '10.244.2.5'),
    pod('default', 'own', 'a', '10.244.1.6'),
  ],
  offer: { everybody: ['10.244.1.6 . tcp . 80'], peers: new Map([['milan', ['10.244.2.9 . tcp . 443']]]) },
  systemSlices: [],
  gatewayLease: { metadata: { name: 'tombolo-gateway', annotations: { 'tombolo.io/gateway-address': '10.244.2.3' } } },
  nodeName: 'a',
};

describe('who is apart', () => {
  test('each consumer has its pods and offers, and is told from the others by its namespaces alone', () => {
    const { tenants, here, nodes, gateways, unsettled, known } = isolationMembers(facts);
    expect([...tenants]).toEqual([
      ['milan', { pods: ['10.244.1.5'], offered: ['10.244.1.6 . tcp . 80', '10.244.2.9 . tcp . 443'] }],
      ['turin', { pods: ['10.244.2.5'], offered: ['10.244.1.6 . tcp . 80'] }],
    ]);
    expect(here).toEqual(['10.244.1.5']);
    expect(nodes).toContain('192.0.2.2');
    expect(gateways).toEqual(['10.244.2.3']);
    expect([unsettled, known]).toEqual([[], []]);
  });

  test('while a pod of a twin starts here, only addresses known to be of no twin may be used', () => {
    const starting = [...facts.pods, pod('shop-milan', 'new', 'a')];
    expect(isolationMembers({ ...facts, pods: starting })).toMatchObject({
      unsettled: ['10.244.1.0/24'],
      known: ['10.244.1.6', '10.244.1.0', '10.244.1.1'],
    });
    expect(isolationMembers({ ...facts, pods: starting, nodeName: 'b' }).unsettled).toEqual([]);
  });

  test('an address leaves when its containers have ended, before the pod is gone', () => {
    const ending = pod('shop-milan', 'one', 'a', '10.244.1.5');
    const state = { terminated: { exitCode: 0 } };
    const status = { ...ending.status, containerStatuses: [{ name: 'main', state }] } as unknown as Pod['status'];
    const deleted = { ...ending.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    const pods = (object: Pod) => isolationMembers({ ...facts, pods: [trimToAddresses(object)] }).here;
    expect(pods({ ...ending, metadata: deleted })).toEqual(['10.244.1.5']);
    expect(pods({ ...ending, metadata: deleted, ...(status && { status }) })).toEqual([]);
  });

  test('names and API are the ports that serve them, and nothing else of kube-system', () => {
    const dns = slice(
      'kube-system',
      { 'kubernetes.io/service-name': 'rke2-coredns', 'k8s-app': 'kube-dns' },
      '10.244.1.2',
    );
    const ports = [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'metrics', port: 9153, protocol: 'TCP' },
    ];
    const api = slice('default', { 'kubernetes.io/service-name': 'kubernetes' }, '192.0.2.1');
    const systemSlices = [
      { ...dns, ports },
      api,
      slice('kube-system', {}, '10.244.1.3'),
      slice('default', {}, '10.244.1.4'),
    ];
    expect(isolationMembers({ ...facts, systemSlices }).services).toEqual([
      '10.244.1.2 . udp . 53',
      '192.0.2.1 . tcp . 8080',
    ]);
  });
});

test('everything that belongs to somebody is inside, and a tenant without a Peer has no home', () => {
  const peer: Peer = {
    metadata: { name: 'milan' },
    spec: { roles: [] },
    status: { network: { aliases: [{ original: '10.244.0.0/16', alias: '10.61.0.0/16' }] } },
  };
  const state = isolationState({ network, peers: [peer], namespaces }, 'tombolo-vx');
  expect(state.inside).toEqual(['10.244.0.0/16', '10.252.0.0/20', '10.61.0.0/16']);
  expect(state.nodeRanges).toEqual(['192.0.2.0/24']);
  expect(state.tenants).toEqual([
    { name: 'milan', home: ['10.61.0.0/16'] },
    { name: 'turin', home: [] },
  ]);
});

test('a consumer is at home also where it tells of other pods of its own', () => {
  const fingerprint = 'b'.repeat(64);
  const alias = (range: string) => [{ original: '10.244.0.0/16', alias: range }];
  const transit = [{ range: '10.63.0.0/16', original: '10.244.0.0/16', origin: fingerprint, hops: ['c'.repeat(64)] }];
  const peers: Peer[] = [
    {
      metadata: { name: 'milan' },
      spec: { roles: [] },
      status: { network: { aliases: alias('10.61.0.0/16'), transit } },
    },
    {
      metadata: { name: 'oslo' },
      spec: { roles: [], fingerprint },
      status: { network: { aliases: alias('10.62.0.0/16') } },
    },
  ];
  const { tenants } = isolationState({ network, peers, namespaces }, 'tombolo-vx');
  expect(tenants[0]).toEqual({ name: 'milan', home: ['10.61.0.0/16', '10.62.0.0/16'] });
});

test('offers are those of the provider: to one peer, to several, to all; a label in a twin offers nothing', () => {
  const offer = (namespace: string, to: string, address: string) =>
    slice(namespace, { 'tombolo.io/offer': to }, address);
  const { everybody, peers } = offersOf(
    [
      offer('default', 'milan', '10.244.1.1'),
      offer('default', 'milan.turin', '10.244.1.2'),
      offer('default', 'All', '10.244.1.3'),
      offer('shop-turin', 'All', '10.244.1.4'),
    ],
    namespaces,
  );
  expect(everybody).toEqual(['10.244.1.3 . tcp . 8080']);
  expect([...peers]).toEqual([
    ['milan', ['10.244.1.1 . tcp . 8080', '10.244.1.2 . tcp . 8080']],
    ['turin', ['10.244.1.2 . tcp . 8080']],
  ]);
});

test('a twin that was kept when its offloading ended is its admin’s again', () => {
  const kept = twinOf('shop-turin', 'turin');
  const retained = {
    metadata: { ...kept.metadata, labels: { ...kept.metadata.labels, 'tombolo.io/component': 'retained' } },
  };
  const { tenants } = isolationMembers({ ...facts, namespaces: [twinOf('shop-milan', 'milan'), retained] });
  expect([...tenants.keys()]).toEqual(['milan']);
});
