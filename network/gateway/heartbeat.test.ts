import { expect, test } from 'vitest';
import { generatePrivateKey } from '#network/wireguard';
import { heartbeatCodec } from './heartbeat.ts';

const beat = { from: 'a1b2', epoch: 7, isActive: true, sequence: 12 };

test('a heartbeat is read by a replica with the same key, and by nobody else', () => {
  const key = generatePrivateKey();
  const datagram = heartbeatCodec(key).encode(beat);
  expect(heartbeatCodec(key).decode(datagram)).toEqual(beat);
  expect(heartbeatCodec(generatePrivateKey()).decode(datagram)).toBeUndefined();
});

test('a changed, cut or empty datagram is none', () => {
  const codec = heartbeatCodec(generatePrivateKey());
  const datagram = codec.encode(beat);
  for (let index = 0; index < datagram.length; index++) {
    const changed = Buffer.from(datagram);
    changed[index] = (changed[index] ?? 0) ^ 1;
    expect(codec.decode(changed)).toBeUndefined();
    expect(codec.decode(datagram.subarray(0, index))).toBeUndefined();
  }
  expect(codec.decode(Buffer.alloc(9_000))).toBeUndefined();
});
