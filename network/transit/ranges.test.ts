import { expect, test } from 'vitest';
import type { ClusterNetwork, Peer, PeerNetwork, TransitRange } from '#pkg/api';
import { acceptTransit, transitFor } from './ranges.ts';

const id = (letter: string) => letter.repeat(64);
const [SELF, ROME, TURIN, PISA] = [id('0'), id('a'), id('b'), id('c')];

const own = (more: Partial<ClusterNetwork['spec']> = {}): ClusterNetwork => ({
  metadata: { name: 'cluster' },
  spec: { podRanges: ['10.244.0.0/16'], anchorRange: '10.252.0.0/20', ...more },
});
const peer = (
  name: string,
  fingerprint: string,
  network: PeerNetwork = {},
  more: Partial<Peer['spec']> = {},
): Peer => ({
  metadata: { name },
  spec: { roles: [], fingerprint, ...more },
  status: { network },
});
const network: PeerNetwork = {
  gatewayAddress: '10.252.0.2',
  aliases: [
    { original: '10.244.0.0/16', alias: '10.62.0.0/16' },
    { original: '10.252.0.0/20', alias: '10.63.0.0/20' },
    { original: '10.9.0.0/16', alias: '10.64.0.0/16' },
  ],
  transit: [{ range: '10.9.0.0/16', original: '10.244.0.0/16', origin: PISA, hops: [TURIN] }],
};
const rome = peer('rome', ROME);
const turin = peer('turin', TURIN, network);

test('a peer is told how we see the pods of a partner, not its hosts nor what it passes on itself', () => {
  expect(transitFor({ own: own(), self: SELF, peer: rome, takesPart: true, partners: [turin] })).toEqual([
    { range: '10.62.0.0/16', original: '10.244.0.0/16', origin: TURIN, hops: [SELF] },
  ]);
});

test('who takes no part is told of nobody, and nobody is told of it', () => {
  const facts = { own: own(), self: SELF, peer: rome, takesPart: true, partners: [turin] };
  const { transit: _, ...silent } = network;
  expect(transitFor({ ...facts, takesPart: false })).toEqual([]);
  expect(transitFor({ ...facts, partners: [peer('turin', TURIN, silent)] })).toEqual([]);
  expect(transitFor({ ...facts, partners: [peer('turin', TURIN, network, { transit: 'Deny' })] })).toEqual([]);
  expect(transitFor({ ...facts, peer: peer('rome', ROME, {}, { transit: 'Deny' }) })).toBeUndefined();
  expect(transitFor({ ...facts, own: own({ transit: 'Deny' }) })).toBeUndefined();
});

test('a peer that is being deleted is told of no more', () => {
  const going = { ...turin, metadata: { name: 'turin', deletionTimestamp: '2026-01-01T00:00:00Z' } };
  expect(transitFor({ own: own(), self: SELF, peer: rome, takesPart: true, partners: [going] })).toEqual([]);
});

test('no more is told than an announcement holds beside our own ranges', () => {
  const aliases = Array.from({ length: 64 }, (_, index) => ({
    original: `10.${index}.0.0/16`,
    alias: `10.${index}.0.0/16`,
  }));
  const many = peer('turin', TURIN, { aliases, transit: [] });
  expect(transitFor({ own: own(), self: SELF, peer: rome, takesPart: true, partners: [many] })).toHaveLength(62);
});

test('what is ours, came through us, goes round or was passed on too often is not believed', () => {
  const entry: TransitRange = { range: '10.1.0.0/16', original: '10.244.0.0/16', origin: TURIN, hops: [ROME] };
  const bad: TransitRange[] = [
    { ...entry, origin: SELF },
    { ...entry, hops: [SELF, ROME] },
    { ...entry, hops: [ROME, TURIN] },
    { ...entry, hops: [id('1'), id('2'), id('3'), ROME] },
  ];
  expect(acceptTransit([...bad, entry], SELF)).toEqual([entry]);
});
