import { expect, test } from 'vitest';
import { type Offer, trimToAddresses } from '#network/isolation';
import type { Pod } from '#pkg/kube';
import { exchangesOf } from './exchanges.ts';

const pod = (namespace: string, nodeName: string, ip: string, more: Partial<Pod['status']> & object = {}): Pod =>
  trimToAddresses({
    metadata: { name: 'p', namespace, labels: { 'tombolo.io/origin': 'turin' } },
    spec: { containers: [], nodeName },
    status: { phase: 'Running', podIPs: [{ ip }], ...more },
  });
const namespaces = [
  { metadata: { name: 'shop-milan', labels: { 'tombolo.io/origin': 'milan' } } },
  { metadata: { name: 'other' } },
  { metadata: { name: 'kept', labels: { 'tombolo.io/origin': 'milan', 'tombolo.io/component': 'retained' } } },
];
const nodes = [{ metadata: { name: 'rome', labels: { 'tombolo.io/peer': 'rome' } } }, { metadata: { name: 'node1' } }];

const NO_OFFER: Offer = { everybody: [], peers: new Map() };

test('pods in a twin are lent to its consumer whatever they say of themselves, pods on a virtual node are ours there', () => {
  const pods = [
    pod('shop-milan', 'node1', '10.244.1.5'),
    pod('other', 'node1', '10.244.1.6'),
    pod('kept', 'node1', '10.244.1.7'),
    pod('shop', 'rome', '10.61.1.7'),
  ];
  const peers = ['milan', 'rome'].map((name) => ({ metadata: { name }, spec: { roles: [] } }));
  const offer: Offer = {
    everybody: ['10.244.1.9 . tcp . 80'],
    peers: new Map([['rome', ['10.244.1.8 . udp . 53']]]),
  };
  expect(exchangesOf({ pods, namespaces, nodes, peers, offer })).toEqual(
    new Map([
      ['milan', { lent: ['10.244.1.5'], ours: [], offered: ['10.244.1.9 . tcp . 80'] }],
      ['rome', { lent: [], ours: ['10.61.1.7'], offered: ['10.244.1.9 . tcp . 80', '10.244.1.8 . udp . 53'] }],
    ]),
  );
});

test('finished pods and those on the network of their host are nobody’s', () => {
  const onHost = pod('shop-milan', 'node1', '192.0.2.1');
  const pods = [
    { ...onHost, spec: { containers: [], hostNetwork: true } },
    pod('shop-milan', 'node1', '10.244.1.5', { phase: 'Succeeded' }),
    pod('shop-milan', 'node1', '10.244.1.5', { phase: 'Failed' }),
    pod('shop-milan', 'node1', '10.244.1.5', { podIPs: [] }),
  ];
  expect(exchangesOf({ pods, namespaces, nodes, peers: [], offer: NO_OFFER }).size).toBe(0);
});

test('pods in a twin are lent also to a peer where its consumer has other pods, as that consumer tells', () => {
  const fingerprint = 'b'.repeat(64);
  const entry = { range: '10.62.0.0/16', original: '10.244.0.0/16', origin: fingerprint, hops: ['c'.repeat(64)] };
  const peers = [
    { metadata: { name: 'milan' }, spec: { roles: [] }, status: { network: { transit: [entry] } } },
    { metadata: { name: 'turin' }, spec: { roles: [], fingerprint } },
  ];
  const pods = [pod('shop-milan', 'node1', '10.244.1.5'), pod('other', 'node1', '10.244.1.6')];
  const exchange = { lent: ['10.244.1.5'], ours: [], offered: [] };
  expect(exchangesOf({ pods, namespaces, nodes, peers, offer: NO_OFFER })).toEqual(
    new Map([
      ['milan', exchange],
      ['turin', exchange],
    ]),
  );
});
