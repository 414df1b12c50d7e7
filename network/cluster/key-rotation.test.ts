import { expect, test } from 'vitest';
import { generatePrivateKey, publicKeyOf } from '#network/wireguard';
import type { Peer } from '#pkg/api';
import { decideRotation } from './key-rotation.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const [current, next] = [publicKeyOf(generatePrivateKey()), publicKeyOf(generatePrivateKey())];

function peer(name: string, ready: 'True' | 'False', acceptedKey?: string): Peer {
  const condition = { type: 'NetworkReady', status: ready, reason: 'R', message: '', lastTransitionTime: '' };
  const network = acceptedKey === undefined ? {} : { acceptedKey };
  return { metadata: { name }, spec: { roles: [] }, status: { network, conditions: [condition] } };
}

test('a new wish makes a key, an old one none', () => {
  const facts = { peers: [], now: NOW };
  expect(decideRotation({ ...facts, wish: undefined, keys: { publicKey: current } }).do).toBe('nothing');
  expect(decideRotation({ ...facts, wish: '1', keys: { publicKey: current } }).do).toBe('prepare');
  expect(decideRotation({ ...facts, wish: '1', keys: { publicKey: current, rotatedFor: '1' } }).do).toBe('nothing');
  expect(decideRotation({ ...facts, wish: '2', keys: { publicKey: current, rotatedFor: '1' } }).do).toBe('prepare');
});

test('it is used once all peers with a tunnel hold it, or after two minutes', () => {
  const keys = { publicKey: current, nextPublicKey: next, nextSince: NOW, rotatedFor: '1' };
  const decide = (peers: Peer[], seconds = 0) =>
    decideRotation({ wish: '1', keys, peers, now: new Date(NOW.getTime() + seconds * 1_000) });
  const mixed = [peer('oslo', 'False'), peer('rome', 'True', next), peer('turin', 'True', current)];
  expect(decide(mixed)).toEqual({ do: 'wait', awaited: ['turin'] });
  expect(decide(mixed.slice(0, 2))).toEqual({ do: 'use', awaited: [] });
  expect(decide([])).toEqual({ do: 'use', awaited: [] });
  expect(decide(mixed, 119).do).toBe('wait');
  expect(decide(mixed, 121)).toEqual({ do: 'use', awaited: ['turin'] });
});
