import { describe, expect, test } from 'vitest';
import { translationTable } from '#network/ipam';
import type { Condition, Peer, PeerNetwork } from '#pkg/api';
import { pathsOf, tellsOf } from './paths.ts';

const [MILAN, TURIN, PISA] = ['a', 'b', 'c'].map((letter) => letter.repeat(64));
if (MILAN === undefined || TURIN === undefined || PISA === undefined) throw new Error('three are needed');

const peer = (name: string, fingerprint: string, network: PeerNetwork, ready: Condition['status'] = 'True'): Peer => ({
  metadata: { name },
  spec: { roles: [], fingerprint },
  status: {
    network,
    conditions: [{ type: 'NetworkReady', status: ready, reason: '', message: '', lastTransitionTime: '' }],
  },
});
/** rome sees milan as 10.71, and turin, which milan sees as 10.62, through milan as 10.72. */
const milan = peer('milan', MILAN, {
  aliases: [
    { original: '10.244.0.0/16', alias: '10.71.0.0/16' },
    { original: '10.62.0.0/16', alias: '10.72.0.0/16' },
  ],
  transit: [{ range: '10.62.0.0/16', original: '10.244.0.0/16', origin: TURIN, hops: [MILAN] }],
});
const turin = (ready: Condition['status'] = 'True', original = '10.244.0.0/16') =>
  peer('turin', TURIN, { aliases: [{ original, alias: `10.73.0.0/${original.split('/')[1]}` }] }, ready);
const seen = (all: readonly Peer[]) => {
  const { translate } = translationTable(pathsOf(milan, all));
  return ['10.244.1.5', '10.62.1.5', '10.63.1.5'].map((address) => translate(address));
};

describe('pathsOf', () => {
  test('leads to a third cluster through the peer, and past it where a tunnel of our own works', () => {
    const through = ['10.71.1.5', '10.72.1.5', undefined];
    expect(seen([milan])).toEqual(through);
    expect(seen([milan, turin()])).toEqual(['10.71.1.5', '10.73.1.5', undefined]);
    expect(seen([milan, turin('False')])).toEqual(through);
    expect(seen([milan, turin('Unknown')])).toEqual(through);
  });

  test('leads past the peer only to the range that it means, of one size', () => {
    const through = ['10.71.1.5', '10.72.1.5', undefined];
    expect(seen([milan, turin('True', '10.245.0.0/16')])).toEqual(through);
    expect(seen([milan, turin('True', '10.244.0.0/17')])).toEqual(through);
    expect(seen([milan, peer('pisa', PISA, turin().status?.network ?? {})])).toEqual(through);
  });

  test('who tells of whom is read from the fingerprint', () => {
    expect([tellsOf(milan, turin()), tellsOf(turin(), milan), tellsOf(milan, milan)]).toEqual([true, false, false]);
  });
});
