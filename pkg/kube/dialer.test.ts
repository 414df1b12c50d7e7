import 'reflect-metadata';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect as connectTcp, type Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectCluster } from './cluster.ts';
import type { ClusterConfig } from './config.ts';
import { KubeError } from './errors.ts';
import { proxyConnector } from './proxy.ts';
import { NODE } from './resources.ts';

interface Pem {
  readonly cert: string;
  readonly key: string;
}

/** A self-signed certificate is its own authority. */
async function selfSigned(commonName: string, san: x509.JsonGeneralName[]): Promise<Pem> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${commonName}`,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true), new x509.SubjectAlternativeNameExtension(san)],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    cert: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/(.{64})/g, '$1\n')}\n-----END PRIVATE KEY-----\n`,
  };
}

let serving: Pem;
let client: Pem;
let server: Server;
let port: number;
/** What the server saw of each request. */
const seen: {
  alpn: string | false | null;
  client: string | undefined;
  authorization: string | undefined;
  host: string | undefined;
}[] = [];

beforeAll(async () => {
  serving = await selfSigned('kube-apiserver', [{ type: 'dns', value: 'kubernetes.default.svc' }]);
  client = await selfSigned('ann', []);
  const https = createHttpsServer(
    { ...serving, requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] },
    (request, response) => {
      const socket = request.socket as TLSSocket;
      seen.push({
        alpn: socket.alpnProtocol,
        client: socket.getPeerX509Certificate()?.subject,
        authorization: request.headers.authorization,
        host: request.headers.host,
      });
      response.end('{"metadata":{"name":"rome"}}');
    },
  );
  https.listen(0, '127.0.0.1');
  await once(https, 'listening');
  server = https;
  port = (https.address() as AddressInfo).port;
});

afterAll(async () => {
  server.close();
  await once(server, 'close');
});

function config(more: Partial<ClusterConfig> = {}): ClusterConfig {
  return {
    name: 'rome',
    server: `https://127.0.0.1:${port}`,
    caPem: serving.cert,
    tlsServerName: 'kubernetes.default.svc',
    auth: { token: 'abc' },
    ...more,
  };
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no failure',
    (error: unknown) => error,
  );
}

describe('TLS', () => {
  test('speaks HTTP/1.1 although the server offers HTTP/2, under the name that the certificate has', async () => {
    await using cluster = connectCluster(config());
    await cluster.client.get(NODE, { name: 'rome' });
    expect(seen.at(-1)).toEqual({
      alpn: 'http/1.1',
      client: undefined,
      authorization: 'Bearer abc',
      host: `127.0.0.1:${port}`,
    });
  });

  test('shows its client certificate', async () => {
    const clientCert = { certPem: client.cert, keyPem: client.key };
    await using cluster = connectCluster(config({ auth: { clientCert } }));
    await cluster.client.get(NODE, { name: 'rome' });
    expect(seen.at(-1)).toMatchObject({ client: 'CN=ann', authorization: undefined });
  });

  test('a new client certificate from a plugin makes new connections', async () => {
    const other = await selfSigned('bob', []);
    let current = client;
    const plugin = {
      obtain: () => Promise.resolve({ headers: {}, clientCert: { certPem: current.cert, keyPem: current.key } }),
      forget: () => {},
    };
    await using cluster = connectCluster(config({ auth: { plugin } }));
    await cluster.client.get(NODE, { name: 'rome' });
    expect(seen.at(-1)?.client).toBe('CN=ann');
    current = other;
    await cluster.client.get(NODE, { name: 'rome' });
    expect(seen.at(-1)?.client).toBe('CN=bob');
  });

  test('refuses another name and another authority, and says that it is the certificate', async () => {
    const other = await selfSigned('somebody', []);
    await using byName = connectCluster(config({ tlsServerName: 'other.example' }));
    await using byAuthority = connectCluster(config({ caPem: other.cert }));
    for (const cluster of [byName, byAuthority]) {
      const error = await failure(cluster.client.get(NODE, { name: 'rome' }));
      expect(error).toBeInstanceOf(KubeError);
      expect(error).toMatchObject({ code: 'CertificateRejected', isConnection: true });
    }
  });

  test('looks at no certificate only where the kubeconfig says so', async () => {
    await using cluster = connectCluster(config({ caPem: '', tlsServerName: 'x', insecureSkipTlsVerify: true }));
    await cluster.client.get(NODE, { name: 'rome' });
  });
});

describe('a connector', () => {
  test('carries requests, watches and tunnels over its streams, with TLS to the API server inside', async () => {
    const targets: string[] = [];
    await using cluster = connectCluster(
      config({
        server: 'https://api.rome.internal:6443',
        connector: async ({ host, port: wanted }) => {
          targets.push(`${host}:${wanted}`);
          const socket = connectTcp(port, '127.0.0.1');
          await once(socket, 'connect');
          return socket;
        },
      }),
    );
    const { signal } = new AbortController();
    await cluster.client.get(NODE, { name: 'rome' });
    const stream = await cluster.client.stream('/log', { signal });
    stream.body.resume();
    const tunnel = await cluster.client.connect(signal);
    expect(tunnel.host).toBe('api.rome.internal:6443');
    expect(tunnel.headers).toEqual({ authorization: 'Bearer abc' });
    tunnel.socket.write(
      `GET /exec HTTP/1.1\r\nhost: ${tunnel.host}\r\nauthorization: ${tunnel.headers['authorization']}\r\nconnection: close\r\n\r\n`,
    );
    const [first] = (await once(tunnel.socket, 'data')) as [Buffer];
    expect(first.toString()).toMatch(/^HTTP\/1.1 200/);
    tunnel.socket.destroy();
    expect(new Set(targets)).toEqual(new Set(['api.rome.internal:6443']));
    expect(targets.length).toBe(3);
    expect(seen.at(-1)?.host).toBe('api.rome.internal:6443');
  });

  test('that fails is a failed connection, with its own words', async () => {
    await using cluster = connectCluster(config({ connector: () => Promise.reject(new Error('the relay is full')) }));
    const error = await failure(cluster.client.get(NODE, { name: 'rome' }));
    expect(error).toMatchObject({ code: 'Unreachable', why: 'the relay is full' });
  });

  test('is given up when the caller gives up', async () => {
    await using cluster = connectCluster(config({ connector: () => new Promise(() => {}) }));
    const abort = new AbortController();
    const reason = new Error('enough');
    const dialing = failure(cluster.client.connect(abort.signal));
    const asking = failure(cluster.client.get(NODE, { name: 'rome' }, { signal: abort.signal }));
    setTimeout(() => abort.abort(reason), 10);
    expect(await dialing).toBe(reason);
    expect(await asking).toBe(reason);
  });
});

describe('a proxy', () => {
  test('is asked for a tunnel, with its password', async () => {
    const asked: string[] = [];
    const proxy = createHttpServer();
    proxy.on('connect', (request, socket, head) => {
      asked.push(`${request.url} ${request.headers['proxy-authorization']}`);
      const out = connectTcp(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        out.write(head);
        out.pipe(socket).pipe(out);
      });
      for (const end of [socket, out]) end.on('error', () => [socket, out].forEach((each) => each.destroy()));
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const address = `http://user:p%40ss@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    {
      await using cluster = connectCluster(
        config({ server: 'https://api.rome.internal:6443', connector: proxyConnector(address) }),
      );
      await cluster.client.get(NODE, { name: 'rome' });
    }
    expect(asked).toEqual([`api.rome.internal:6443 Basic ${Buffer.from('user:p@ss').toString('base64')}`]);
    proxy.closeAllConnections();
    proxy.close();
  });

  test('that refuses is named with its answer', async () => {
    const proxy = createHttpServer();
    proxy.on('connect', (_request, socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'));
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    await using cluster = connectCluster(config({ connector: proxyConnector(address) }));
    const error = await failure(cluster.client.get(NODE, { name: 'rome' }));
    expect(String(error)).toContain(`proxy ${address}: the proxy answered 407`);
    proxy.close();
  });

  test('of an unknown kind is refused at once', () => {
    expect(() => proxyConnector('socks5://127.0.0.1:1080')).toThrow('not supported');
  });
});
