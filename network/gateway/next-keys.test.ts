import { expect, test } from 'vitest';
import { type DeviceState, generatePrivateKey, publicKeyOf } from '#network/wireguard';
import { systemClock } from '#pkg/runtime';
import { NextKeys } from './next-keys.ts';

const [publicKey, nextPublicKey] = [publicKeyOf(generatePrivateKey()), publicKeyOf(generatePrivateKey())];
const ROME = {
  name: 'rome',
  publicKey,
  nextPublicKey,
  endpoints: [],
  nat: { name: 'rome', ranges: [], announced: [] },
};

test('a peer is taken for the key with which it shook hands last, and no longer watched then', async () => {
  const keys = new NextKeys();
  let reads = 0;
  const device = {
    async read(): Promise<DeviceState> {
      reads += 1;
      const entry = { allowedIps: [], keepaliveSeconds: 0, receivedBytes: 0, sentBytes: 0 };
      const next = { ...entry, publicKey: nextPublicKey, ...(reads > 2 && { lastHandshakeAt: new Date() }) };
      return { listenPort: 1, firewallMark: 0, peers: [{ ...entry, publicKey }, next] };
    },
  };
  const used: string[] = [];
  const watch = () =>
    keys.watch(
      device,
      () => keys.inUse([ROME]),
      (peer) => used.push(peer),
      {
        clock: systemClock,
        signal: AbortSignal.timeout(5_000),
      },
    );
  expect(keys.inUse([ROME])).toEqual([ROME]);
  await watch();
  await watch();
  expect([used, reads]).toEqual([['rome'], 3]);
  const { nextPublicKey: _, ...rest } = ROME;
  expect(keys.inUse([ROME])).toEqual([{ ...rest, publicKey: nextPublicKey }]);
  // The next rotation, and the end of this one.
  const later = { ...ROME, publicKey: nextPublicKey, nextPublicKey: publicKey };
  expect(keys.inUse([later])).toEqual([later]);
  expect(keys.inUse([rest])).toEqual([rest]);
});
