import { expect, test } from 'vitest';
import type { Announcement, ClusterNetwork, Peer, PeerNetwork } from '#pkg/api';
import { decideLink, REST_MS } from './decide-link.ts';

const SELF = 'a'.repeat(64);
const NOW = new Date('2026-03-01T12:00:00Z');

const OWN: ClusterNetwork = {
  metadata: { name: 'cluster' },
  spec: { podRanges: ['10.244.0.0/16'], serviceRanges: ['10.96.0.0/16'], anchorRange: '10.252.0.0/20' },
  status: { publicKey: 'ours', endpoints: ['203.0.113.1:51820'] },
};

function peer(name: string, network?: PeerNetwork): Peer {
  return { metadata: { name }, spec: { roles: [] }, ...(network !== undefined && { status: { network } }) };
}

function decide(subject: Peer, theirs: Announcement | undefined, others: Peer[] = [], now = NOW) {
  return decideLink({ own: OWN, peer: subject, others, theirs, now, partners: new Set(), self: SELF });
}

test('a peer that said nothing yet is told our ranges, and keeps what it has', () => {
  const standing = { aliases: [{ original: '10.244.0.0/16', alias: '10.9.0.0/16' }] };
  const { network, ours, condition } = decide(peer('rome', standing), undefined);
  expect(network).toBe(standing);
  expect(ours).toEqual({
    publicKey: 'ours',
    endpoints: ['203.0.113.1:51820'],
    gatewayAddress: '10.252.0.2',
    ranges: ['10.244.0.0/16', '10.252.0.0/20'],
    aliases: standing.aliases,
    transit: [],
  });
  expect(condition).toBeUndefined();
});

test('no alias touches ranges of ours, announced or not, nor aliases of other peers', () => {
  const turin = peer('turin', { aliases: [{ original: '10.244.0.0/16', alias: '10.0.0.0/16' }] });
  const theirs = { ranges: ['10.244.0.0/16', '10.96.0.0/16', '10.252.0.0/20', '10.7.0.0/16'] };
  expect(decide(peer('rome'), theirs, [turin]).network.aliases).toEqual([
    { original: '10.7.0.0/16', alias: '10.7.0.0/16' },
    { original: '10.96.0.0/16', alias: '10.1.0.0/16' },
    { original: '10.244.0.0/16', alias: '10.2.0.0/16' },
    { original: '10.252.0.0/20', alias: '10.3.0.0/20' },
  ]);
});

test('a peer that announces the network of our nodes gets an alias for it, and our nodes stay where they are', () => {
  const own = { ...OWN, spec: { ...OWN.spec, nodeRanges: ['192.168.7.0/24'] } };
  const theirs = { ranges: ['192.168.7.0/24', '192.168.8.0/24'] };
  const facts = { own, peer: peer('rome'), others: [], theirs, now: NOW, partners: new Set<string>(), self: SELF };
  const { network, condition } = decideLink(facts);
  expect(network.aliases).toEqual([
    { original: '192.168.7.0/24', alias: '10.0.0.0/24' },
    { original: '192.168.8.0/24', alias: '192.168.8.0/24' },
  ]);
  expect(condition).toBeUndefined();
});

test('the peer is told how we see it, and only aliases of ranges that we have are taken from it', () => {
  const { network, ours } = decide(peer('rome'), {
    publicKey: 'theirs',
    ranges: ['10.244.0.0/16'],
    aliases: [
      { original: '10.244.0.0/16', alias: '10.71.0.0/16' },
      { original: '10.96.0.0/16', alias: '10.72.0.0/16' },
      { original: '10.252.0.0/20', alias: '10.73.0.0/16' },
      { original: '10.252.0.0/20', alias: '127.0.0.0/20' },
    ],
  });
  expect(ours.aliases).toEqual([{ original: '10.244.0.0/16', alias: '10.0.0.0/16' }]);
  expect(network).toEqual({
    aliases: [{ original: '10.244.0.0/16', alias: '10.0.0.0/16' }],
    ourAliases: [{ original: '10.244.0.0/16', alias: '10.71.0.0/16' }],
    freed: [],
    publicKey: 'theirs',
  });
});

test('the address of our API is told as the peer sees it', () => {
  const aliases = [{ original: '10.252.0.0/20', alias: '10.73.16.0/20' }];
  expect(decide(peer('rome'), { ranges: [], aliases }).network.homeApiAddress).toBe('10.73.16.1');
});

test('NET-04 a range that goes frees its alias, which rests for everybody else and comes back with the range', () => {
  const both = { ranges: ['10.244.0.0/16', '10.252.0.0/20'] };
  const before = decide(peer('rome'), both);
  const after = decide(peer('rome', before.network), { ranges: ['10.252.0.0/20', '10.9.0.0/16'] });
  expect(after.network.aliases).toEqual([
    { original: '10.9.0.0/16', alias: '10.9.0.0/16' },
    { original: '10.252.0.0/20', alias: '10.1.0.0/20' },
  ]);
  expect(after.network.freed).toEqual([
    { original: '10.244.0.0/16', alias: '10.0.0.0/16', at: '2026-03-01T12:00:00Z' },
  ]);
  const other = decide(peer('turin'), { ranges: ['10.244.0.0/16'] }, [peer('rome', after.network)]);
  expect(other.network.aliases).toEqual([{ original: '10.244.0.0/16', alias: '10.2.0.0/16' }]);
  const back = decide(peer('rome', after.network), both);
  expect(back.network.aliases).toEqual(before.network.aliases);
  expect(back.network.freed?.map(({ original }) => original)).toEqual(['10.9.0.0/16']);
});

test('a freed alias is forgotten when it has rested', () => {
  const freed = [{ original: '10.1.0.0/16', alias: '10.0.0.0/16', at: NOW.toISOString() }];
  const later = new Date(NOW.getTime() + REST_MS);
  expect(decide(peer('rome', { freed }), { ranges: [] }, [], later).network.freed).toEqual([]);
  const theirs = { ranges: ['10.244.0.0/16'] };
  const place = (now: Date) =>
    decide(peer('turin'), theirs, [peer('rome', { freed })], now).network.aliases?.[0]?.alias;
  expect([place(NOW), place(later)]).toEqual(['10.1.0.0/16', '10.0.0.0/16']);
});

test('NET-05 a restart chooses nothing anew', () => {
  const first = decide(peer('rome'), { ranges: ['10.244.0.0/16'] });
  expect(decide(peer('rome', first.network), { ranges: ['10.244.0.0/16'] }).network).toEqual(first.network);
});

test('ranges without a place are the condition, with a sentence for each', () => {
  const own = { ...OWN, spec: { ...OWN.spec, aliasPools: ['172.31.0.0/24'] } };
  const theirs = { ranges: ['0.0.0.0/0', '10.244.0.0/16', '192.168.7.0/24'] };
  const { condition, network } = decideLink({
    own,
    peer: peer('rome'),
    others: [],
    theirs,
    now: NOW,
    partners: new Set(),
    self: SELF,
  });
  expect(network.aliases).toEqual([{ original: '192.168.7.0/24', alias: '192.168.7.0/24' }]);
  expect(condition).toMatchObject({ type: 'NetworkReady', status: 'False', reason: 'RangeTooLarge' });
  expect(condition?.message).toMatch(
    /0\.0\.0\.0\/0: is all of IPv4.*; .*10\.244\.0\.0\/16 of rome: no free range of size \/16/,
  );
});

test('both sides tell what devices at their ends carry', () => {
  const rome = peer('rome');
  const told = { ...rome, status: { tunnel: { ownMtuBytes: 1_440 } } };
  const { ours, network } = decide(told, { ranges: ['10.244.0.0/16'], mtuBytes: 1_370 });
  expect({ ours: ours.mtuBytes, theirs: network.mtuBytes }).toEqual({ ours: 1_440, theirs: 1_370 });
});

const NO_TUNNEL = { network: { mode: 'None' }, ours: { mode: 'None' } };

test('NET-37 no tunnel where one side wants none, and each side tells what it wants itself', () => {
  const theirs = { ranges: ['10.244.0.0/16'] };
  const unwilling: Peer = { ...peer('rome'), spec: { roles: [], network: { mode: 'None' } } };
  expect(decide(unwilling, theirs)).toEqual(NO_TUNNEL);
  expect(decide(unwilling, undefined)).toEqual(NO_TUNNEL);
  const { network, ours } = decide(peer('rome'), { mode: 'None' });
  expect(network).toEqual({ mode: 'None' });
  expect(ours).toMatchObject({ ranges: ['10.244.0.0/16', '10.252.0.0/20'], aliases: [] });
  expect(ours.mode).toBeUndefined();
});

test('PEER-14 a cluster has no tunnel to itself', () => {
  const mirror: Peer = { metadata: { name: 'mirror' }, spec: { roles: ['Consume', 'Provide'], fingerprint: SELF } };
  expect(decide(mirror, { ranges: ['10.244.0.0/16'] })).toEqual(NO_TUNNEL);
});

test('NET-37 aliases that end with a tunnel rest, and are given back with it', () => {
  const aliases = [{ original: '10.244.0.0/16', alias: '10.9.0.0/16' }];
  const { network } = decide(
    { ...peer('rome', { aliases }), spec: { roles: [], network: { mode: 'None' } } },
    undefined,
  );
  expect(network).toEqual({ mode: 'None', freed: [{ ...aliases[0], at: '2026-03-01T12:00:00Z' }] });
  const back = decide(peer('rome', network), { ranges: ['10.244.0.0/16'] });
  expect(back.network.mode).toBeUndefined();
  expect(back.network.aliases).toEqual(aliases);
  expect(back.ours.ranges).toEqual(['10.244.0.0/16', '10.252.0.0/20']);
});
