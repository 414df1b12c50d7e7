import { X509Certificate } from 'node:crypto';
import { connect, createServer } from 'node:tls';
import { beforeAll, expect, test } from 'vitest';
import { renewCertificates } from './certificates.ts';

const DAY_MS = 24 * 3600 * 1000;
const NAMES = ['tombolo-webhook.tombolo-system.svc', 'tombolo-quota.tombolo-system.svc'];
const later = (days: number) => new Date(Date.now() + days * DAY_MS);

// The first certificate loads the X.509 library, which takes seconds on a busy machine.
beforeAll(async () => void (await renewCertificates(undefined, NAMES, new Date())), 60_000);

test('a good set stays as it is', async () => {
  const set = await renewCertificates(undefined, NAMES, new Date());
  expect(await renewCertificates(set, NAMES, later(30))).toBe(set);
});

test('after two thirds of its life the serving certificate is renewed under the same CA', async () => {
  const set = await renewCertificates(undefined, NAMES, new Date());
  const next = await renewCertificates(set, NAMES, later(61));
  expect(next.caCertPem).toBe(set.caCertPem);
  expect(next.certPem).not.toBe(set.certPem);
});

test('a renewed CA still vouches for certificates that were signed before', async () => {
  const set = await renewCertificates(undefined, NAMES, new Date());
  const next = await renewCertificates(set, NAMES, later(2500));
  expect(next.caCertPem).not.toBe(set.caCertPem);
  expect(new X509Certificate(set.certPem).verify(new X509Certificate(next.caCertPem).publicKey)).toBe(true);
});

test('another name, a damaged CA or a foreign key leads to a new certificate', async () => {
  const set = await renewCertificates(undefined, NAMES, new Date());
  const other = await renewCertificates(undefined, NAMES, new Date());
  expect((await renewCertificates(set, ['else.svc'], new Date())).certPem).not.toBe(set.certPem);
  expect((await renewCertificates({ ...set, caKeyPem: 'nonsense' }, NAMES, new Date())).caCertPem).not.toBe(
    set.caCertPem,
  );
  expect((await renewCertificates({ ...set, keyPem: other.keyPem }, NAMES, new Date())).certPem).not.toBe(set.certPem);
});

test('a TLS client that trusts the CA accepts the server under each of its names', async () => {
  const set = await renewCertificates(undefined, NAMES, new Date());
  const server = createServer({ cert: set.certPem, key: set.keyPem }, (socket) => socket.end('hello'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  try {
    for (const servername of NAMES) {
      const socket = connect({ port, host: '127.0.0.1', ca: set.caCertPem, servername });
      await new Promise<void>((done, fail) => socket.once('secureConnect', done).once('error', fail));
      expect(socket.authorized).toBe(true);
      socket.destroy();
    }
  } finally {
    server.close();
  }
});
