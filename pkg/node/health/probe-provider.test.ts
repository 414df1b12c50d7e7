import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, connectCluster } from '#pkg/kube';
import type { PeerCluster } from '../peer-cluster.ts';
import { probeProvider } from './probe-provider.ts';

let answer: (response: ServerResponse) => void;
const server = createServer((_, response) => answer(response));
let cluster: Cluster;
let peer: PeerCluster;
const never = new AbortController().signal;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  cluster = connectCluster({ name: 'rome', server: url, auth: { token: 't' } });
  peer = { peer: 'rome', origin: 'milan', tenantNamespace: 'tombolo-tenant-milan', cluster, signal: never };
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

async function probe(status: number) {
  answer = (response) => void response.writeHead(status).end('{}');
  return probeProvider(peer, '/apis/tombolo.io/v1alpha1/namespaces/tombolo-tenant-milan/grants/rome', never);
}

describe('probeProvider', () => {
  test('an answer is an answer, also one that the object is not there or that the server is busy', async () => {
    for (const status of [200, 404, 429]) expect(await probe(status)).toEqual({ ok: true });
  });

  test('a refused credential is told apart from a failing server', async () => {
    for (const status of [401, 403]) {
      const result = await probe(status);
      expect(result).toMatchObject({ ok: false, reason: 'CredentialRefused' });
    }
    expect(await probe(500)).toMatchObject({
      ok: false,
      reason: 'ProviderFailing',
      message: expect.stringMatching(/127\.0\.0\.1.*500/),
    });
  });

  test('a server that accepts and never answers is given up after 3 s, and named', async () => {
    answer = () => undefined;
    const result = await probeProvider(peer, '/x', never);
    expect(result).toMatchObject({
      ok: false,
      reason: 'ProviderUnreachable',
      message: expect.stringMatching(/peer rome at http:\/\/127\.0\.0\.1:\d+: no answer within 3 s/),
    });
  });

  test('a port that refuses connections is named with its cause', async () => {
    const closed = connectCluster({ name: 'rome', server: 'http://127.0.0.1:1', auth: { token: 't' } });
    const result = await probeProvider({ ...peer, cluster: closed }, '/x', never);
    await closed[Symbol.asyncDispose]();
    expect(result).toMatchObject({ ok: false, message: expect.stringMatching(/127\.0\.0\.1:1.*ECONNREFUSED/) });
  });
});
