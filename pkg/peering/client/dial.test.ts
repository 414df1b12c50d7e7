import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { newIdentity } from '../doubles/peering-bed.ts';
import { isPeeringError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';
import { dialPinned } from './dial.ts';

/** A TLS server that notes every byte it gets. */
async function listener(identity: Identity) {
  const { keyPem, certPem } = await identity.tls();
  const received: Buffer[] = [];
  const server = createTlsServer(
    { key: keyPem, cert: certPem, requestCert: true, rejectUnauthorized: false },
    (socket) => {
      socket.on('data', (chunk) => received.push(chunk)).on('error', () => {});
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    received,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const options = { timeoutMs: 2_000, signal: AbortSignal.timeout(20_000), attempted: 'say hello' };

describe('dialling a peer', () => {
  test('hands over a socket of the pinned key, the second time too', async () => {
    const rome = newIdentity();
    await using server = await listener(rome);
    for (let round = 0; round < 2; round++) {
      const socket = await dialPinned(
        { host: '127.0.0.1', port: server.port },
        { ...options, identity: newIdentity(), fingerprint: rome.fingerprint },
      );
      expect(socket.isSessionReused()).toBe(false);
      socket.destroy();
    }
  });

  test('PEER-15 sends nothing to another key, and names both', async () => {
    const [rome, impostor] = [newIdentity(), newIdentity()];
    await using server = await listener(impostor);
    const dialled = dialPinned(
      { host: '127.0.0.1', port: server.port },
      { ...options, identity: newIdentity(), fingerprint: rome.fingerprint },
    );
    const error = await dialled.then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect(isPeeringError(error, 'IdentityChanged')).toBe(true);
    expect(String(error)).toContain('identity changed');
    expect(server.received).toEqual([]);
  });

  test('names address, port and cause where nothing listens, or nobody answers', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const to = (target: number) =>
      dialPinned(
        { host: '127.0.0.1', port: target },
        { ...options, timeoutMs: 150, identity: newIdentity(), fingerprint: newIdentity().fingerprint },
      );
    await expect(to(port)).rejects.toThrow(`127.0.0.1:${port} (TCP): no answer within 0.15 s`);
    silent.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(to(1)).rejects.toThrow('127.0.0.1:1 (TCP): connection refused');
  });
});
