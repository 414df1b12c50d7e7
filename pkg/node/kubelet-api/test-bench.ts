/** For tests: a kubelet endpoint between a home and a provider that speak real HTTP over real sockets. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { connectCluster, type Pod } from '#pkg/kube';
import { type Clock, silentLog, systemClock } from '#pkg/runtime';
import type { PodSource } from '../peer-cluster.ts';
import { authenticator } from './authenticate.ts';
import { authorizer } from './authorize.ts';
import { type KubeletServer, kubeletServer } from './server.ts';
import { type Pair, type TestAuthority, testAuthority } from './test-certificates.ts';

interface ProviderDouble {
  onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  onUpgrade: (request: IncomingMessage, socket: Duplex, first: Buffer) => void;
  readonly requests: IncomingMessage[];
  /** Stops listening and resets every connection. */
  kill(): Promise<void>;
}

export interface Bench extends AsyncDisposable {
  readonly port: number;
  readonly server: KubeletServer;
  readonly clientCa: TestAuthority;
  readonly servingCa: TestAuthority;
  readonly provider: ProviderDouble;
  readonly health: { isReady: boolean; message: string; answeredAtMs: number | undefined };
  /** User names by token; and what each user may do, as `verb subresource`. */
  readonly tokens: Map<string, string>;
  readonly rights: Map<string, Set<string>>;
  /** SubjectAccessReviews that were asked for. */
  readonly reviews: { user: string; groups: string[]; verb: string; subresource: string; name: string }[];
}

const WEB_POD: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
  spec: { containers: [{ name: 'main' }] },
  status: {
    phase: 'Running',
    containerStatuses: [
      { name: 'main', image: 'i', imageID: 'i', ready: true, restartCount: 0, state: { running: {} } },
    ],
  } as NonNullable<Pod['status']>,
};

const PODS: PodSource = {
  list: () => [WEB_POD],
  get: (key) => (key === 'shop/web' ? WEB_POD : undefined),
  remote: (key) => (key === 'shop/web' ? { namespace: 'shop-milan', name: 'web-x7' } : undefined),
};

export async function startBench(clock: Clock = systemClock): Promise<Bench> {
  const tokens = new Map<string, string>();
  const rights = new Map<string, Set<string>>();
  const reviews: Bench['reviews'] = [];
  const home = await listen(
    createServer((request, response) => void answerHome(request, response, { tokens, rights, reviews })),
  );
  const provider = await startProvider();
  const homeCluster = connectCluster({ name: 'milan', server: home.url, auth: { token: 'ours' } });
  const remoteCluster = connectCluster({ name: 'rome', server: provider.url, auth: { token: 'tenant-token' } });
  const health = { isReady: true, message: 'all well', answeredAtMs: undefined as number | undefined };
  const stop = new AbortController();
  const server = kubeletServer({
    nodeName: 'rome',
    upstream: {
      peer: {
        peer: 'rome',
        origin: 'milan',
        tenantNamespace: 'tombolo-tenant-milan',
        cluster: remoteCluster,
        signal: stop.signal,
      },
      pods: PODS,
      health,
      clock,
    },
    authenticate: authenticator(homeCluster.client),
    authorize: authorizer(homeCluster.client, 'rome'),
    log: silentLog,
  });
  const [clientCa, servingCa] = await Promise.all([testAuthority('client-ca'), testAuthority('serving-ca')]);
  server.setCertificate(await servingCa.sign({ commonName: 'system:node:rome', purpose: 'server' }));
  server.setClientAuthorities([clientCa.certPem]);
  const port = await server.listen({ basePort: 0, host: '127.0.0.1' });
  return {
    port,
    server,
    clientCa,
    servingCa,
    provider: provider.double,
    health,
    tokens,
    rights,
    reviews,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Promise.all([homeCluster[Symbol.asyncDispose](), remoteCluster[Symbol.asyncDispose]()]);
      await Promise.all([close(home.server), provider.double.kill()]);
    },
  };
}

async function answerHome(
  request: IncomingMessage,
  response: ServerResponse,
  { tokens, rights, reviews }: Pick<Bench, 'tokens' | 'rights' | 'reviews'>,
): Promise<void> {
  const { spec } = JSON.parse(await textOf(request)) as {
    spec: {
      token?: string;
      user?: string;
      groups?: string[];
      resourceAttributes?: { verb: string; subresource: string; name: string };
    };
  };
  const reply = (status: object) => {
    response.writeHead(201, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ status }));
  };
  if (request.url?.endsWith('/tokenreviews')) {
    const username = tokens.get(spec.token ?? '');
    reply(
      username === undefined ? { authenticated: false } : { authenticated: true, user: { username, groups: ['g'] } },
    );
    return;
  }
  const { verb = '', subresource = '', name = '' } = spec.resourceAttributes ?? {};
  reviews.push({ user: spec.user ?? '', groups: spec.groups ?? [], verb, subresource, name });
  reply({ allowed: rights.get(spec.user ?? '')?.has(`${verb} ${subresource}`) === true });
}

async function startProvider(): Promise<{ url: string; double: ProviderDouble }> {
  const sockets = new Set<Socket>();
  const requests: IncomingMessage[] = [];
  const server = createServer({ maxHeaderSize: 1024 * 1024 }, (request, response) => {
    requests.push(request);
    double.onRequest(request, response);
  });
  server.on('upgrade', (request, socket, first) => {
    requests.push(request);
    double.onUpgrade(request, socket, first);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  const double: ProviderDouble = {
    onRequest: (_, response) => void response.writeHead(404).end(),
    onUpgrade: (_, socket) => void socket.destroy(),
    requests,
    async kill() {
      const closed = close(server);
      for (const socket of sockets) socket.resetAndDestroy();
      await closed;
    },
  };
  const { url } = await listen(server);
  return { url, double };
}

async function listen(server: Server): Promise<{ server: Server; url: string }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

export async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

export interface Caller {
  readonly token?: string;
  readonly certificate?: Pair;
}

/** One request to the endpoint; its status and body. */
export async function ask(
  bench: Bench,
  path: string,
  caller: Caller = {},
  method = 'GET',
): Promise<{ status: number; body: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpsRequest({ ...target(bench, path, caller), method }, resolve)
      .on('error', reject)
      .end();
  });
  return { status: response.statusCode ?? 0, body: await textOf(response) };
}

/** An upgrade: the stream after 101, or the status that refused it. */
export function upgrade(
  bench: Bench,
  path: string,
  caller: Caller = {},
  headers: Record<string, string> = {},
): Promise<{ status: number; socket?: Duplex; body?: string; protocol?: string | undefined }> {
  return new Promise((resolve, reject) => {
    const base = target(bench, path, caller);
    const request = httpsRequest({
      ...base,
      method: 'POST',
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', ...base.headers, ...headers },
    });
    request.on('upgrade', (response, socket) => {
      resolve({ status: 101, socket, protocol: response.headers['x-stream-protocol-version'] as string | undefined });
    });
    request.on('response', (response) => {
      textOf(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    request.on('error', reject);
    request.end();
  });
}

function target(bench: Bench, path: string, { token, certificate }: Caller) {
  return {
    host: '127.0.0.1',
    port: bench.port,
    path,
    ca: bench.servingCa.certPem,
    agent: false as const,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(certificate === undefined ? {} : { cert: certificate.certPem, key: certificate.keyPem }),
  };
}
