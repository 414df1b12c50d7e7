import { createServer, type Server } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestCluster } from './bed.ts';

interface ApiWithOtherClock extends AsyncDisposable {
  /** A kubeconfig, as JSON: it leads through a server on loopback, which is in the place of the real one. */
  readonly kubeconfig: string;
}

/**
 * The API server of a cluster as it would be with a clock that is off: answers are the real ones, their Date is another. All
 * clusters of a bed share the clock of this machine, so there is no other way to see two that differ.
 */
export async function withOtherClock(cluster: TestCluster, offsetMs: number): Promise<ApiWithOtherClock> {
  const config = JSON.parse(await cluster.kubectl('config view --raw --minify -o json'));
  const { server, 'certificate-authority-data': ca } = config.clusters[0].cluster;
  const { 'client-certificate-data': cert, 'client-key-data': key } = config.users[0].user;
  const pem = (text: string) => Buffer.from(text, 'base64');
  const tls = { ca: pem(ca), cert: pem(cert), key: pem(key) };
  const proxy = createServer((asked, answer) => {
    const { host: _, ...headers } = asked.headers;
    const upstream = request(new URL(asked.url ?? '/', server), { ...tls, method: asked.method, headers }, (got) => {
      const date = new Date(Date.now() + offsetMs).toUTCString();
      answer.writeHead(got.statusCode ?? 502, { ...got.headers, date });
      got.pipe(answer);
    });
    upstream.once('error', (error) => answer.destroy(error));
    asked.pipe(upstream);
  });
  const address = await listening(proxy);
  const name = `${cluster.name}-other-clock`;
  return {
    kubeconfig: JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { server: address } }],
      users: [{ name, user: {} }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    }),
    async [Symbol.asyncDispose]() {
      proxy.closeAllConnections();
      await new Promise((done) => proxy.close(done));
    },
  };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
