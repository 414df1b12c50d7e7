import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { newIdentity, peeringBed } from '../doubles/peering-bed.ts';
import { openRelay } from '../client/relay.ts';
import { dialPinned } from '../client/dial.ts';
import { isPeeringError } from '../errors.ts';

/** Stands for the API server: answers each chunk with itself in capitals. */
async function upstream(): Promise<{ target: { host: string; port: number }; sockets: Socket[] } & AsyncDisposable> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (chunk) => socket.write(chunk.toString().toUpperCase())).on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    sockets,
    target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const common = { timeoutMs: 3_000, signal: AbortSignal.timeout(20_000) };
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'accepted',
    (error: unknown) => (isPeeringError(error) ? error.code : String(error)),
  );

describe('relay', () => {
  test('carries bytes both ways between a peer that we lend to and our API server', async () => {
    await using api = await upstream();
    await using bed = await peeringBed({ relay: { target: api.target } });
    const { provider } = bed;
    const milan = newIdentity();
    bed.addPeer('milan', milan);
    const stream = await openRelay({
      ...common,
      identity: milan,
      fingerprint: provider.identity.fingerprint,
      addresses: [provider.address],
    });
    stream.write('ciao');
    const [answer] = await Array.fromAsync(stream.take(1), String);
    expect(answer).toBe('CIAO');
    await expect.poll(() => provider.server.open.relayed).toBe(0); // `take` ended our side, so theirs
  });

  test('is idle without being cut', async () => {
    await using api = await upstream();
    await using bed = await peeringBed({ relay: { target: api.target }, cutAfterMs: 200 });
    const milan = newIdentity();
    bed.addPeer('milan', milan);
    const { provider } = bed;
    const stream = await openRelay({
      ...common,
      identity: milan,
      fingerprint: provider.identity.fingerprint,
      addresses: [provider.address],
    });
    await new Promise((resolve) => setTimeout(resolve, 700));
    stream.write('still there');
    expect(await Array.fromAsync(stream.take(1), String)).toEqual(['STILL THERE']);
  });

  test('refuses strangers, peers that we only use, and any other target', async () => {
    await using api = await upstream();
    await using bed = await peeringBed({ relay: { target: api.target } });
    const { provider } = bed;
    const [milan, turin] = [newIdentity(), newIdentity()];
    bed.addPeer('milan', milan);
    bed.addPeer('turin', turin, { spec: { roles: ['Consume'], fingerprint: turin.fingerprint } });
    const open = (identity = milan) =>
      openRelay({ ...common, identity, fingerprint: provider.identity.fingerprint, addresses: [provider.address] });
    expect(await codeOf(open(newIdentity()))).toBe('NotPeered');
    expect(await codeOf(open(turin))).toBe('NotLent');

    const dial = { ...common, identity: milan, fingerprint: provider.identity.fingerprint, attempted: 'test' };
    const socket = await dialPinned({ host: '127.0.0.1', port: provider.server.port }, dial);
    socket.write('CONNECT 198.18.0.9:22 HTTP/1.1\r\nHost: x\r\n\r\n');
    const [answer] = await Array.fromAsync(socket.take(1), String);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(api.sockets).toEqual([]);
  });

  test('ends open streams of a peer that lost its right', async () => {
    await using api = await upstream();
    await using bed = await peeringBed({ relay: { target: api.target } });
    const { provider } = bed;
    const milan = newIdentity();
    bed.addPeer('milan', milan);
    const stream = await openRelay({
      ...common,
      identity: milan,
      fingerprint: provider.identity.fingerprint,
      addresses: [provider.address],
    });
    const closed = new Promise<void>(
      (resolve) =>
        void stream
          .on('error', () => {})
          .on('close', () => resolve())
          .resume(),
    );
    bed.peersChanged(); // the double's cache never held milan: to the endpoint it is gone
    await closed;
    await expect.poll(() => api.sockets.every((socket) => socket.destroyed)).toBe(true);
  });

  test('says when our own API server cannot be reached, and when there is no relay', async () => {
    const milan = newIdentity();
    await using dead = await peeringBed({ relay: { target: { host: '127.0.0.1', port: 1 } } });
    await using none = await peeringBed();
    for (const bed of [dead, none]) bed.addPeer('milan', milan);
    const open = ({ provider }: typeof dead) =>
      openRelay({
        ...common,
        identity: milan,
        fingerprint: provider.identity.fingerprint,
        addresses: [provider.address],
      });
    expect(await codeOf(open(dead))).toBe('ApiUnreachable');
    expect(await codeOf(open(none))).toBe('NotLent');
  });

  test('bounds the streams of one peer', async () => {
    await using api = await upstream();
    await using bed = await peeringBed({ relay: { target: api.target, maxPerPeer: 2 } });
    const { provider } = bed;
    const milan = newIdentity();
    bed.addPeer('milan', milan);
    const open = () =>
      openRelay({
        ...common,
        identity: milan,
        fingerprint: provider.identity.fingerprint,
        addresses: [provider.address],
      });
    const streams = [await open(), await open()];
    expect(await codeOf(open())).toBe('PeerBusy');
    for (const stream of streams) stream.destroy();
  });
});
