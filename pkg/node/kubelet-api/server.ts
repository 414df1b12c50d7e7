import { constants } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { type Log, messageOf } from '#pkg/runtime';
import { NodeError } from '../errors.ts';
import type { Authenticate } from './authenticate.ts';
import { accessOf, type Authorize } from './authorize.ts';
import { answerProblem, HttpProblem } from './http-problem.ts';
import { serveLogs } from './logs.ts';
import { podList, runningPodList } from './pod-lists.ts';
import { resourceMetrics } from './resource-metrics.ts';
import { type Route, routeOf } from './routes.ts';
import { statsSummary } from './stats-summary.ts';
import { refuse, tunnel } from './tunnel.ts';
import type { Upstream } from './upstream.ts';
import { usageReader } from './usage.ts';

/** An exec command may be long: 20 kB in one URL were seen (T12). */
const MAX_HEADER_BYTES = 1024 * 1024;
/** Go clients keep idle connections for 90 s; closing earlier than they do resets requests under way (T12). */
const KEEP_ALIVE_MS = 120_000;
/** Bounds what callers without any right can take. */
const MAX_CONNECTIONS = 4_096;
/** How many ports above the base are tried. */
const PORT_RANGE = 2_000;

export interface KubeletServerOptions {
  readonly nodeName: string;
  readonly upstream: Upstream;
  readonly authenticate: Authenticate;
  readonly authorize: Authorize;
  readonly log: Log;
}

/** The HTTPS endpoint of one virtual node. It has no certificate until it is given one: connections fail before. */
export interface KubeletServer extends AsyncDisposable {
  /**
   * Listens on the first free port from `basePort` on, or on any where that is 0. Resolves with the port.
   * @throws NodeError `NoFreePort` (retryable)
   */
  listen(options: { basePort: number; host?: string }): Promise<number>;
  /** Serves with this certificate from now on; open connections stay (NODE-28). */
  setCertificate(certificate: { certPem: string; keyPem: string }): void;
  /** Client certificates count when one of these signed them. Empty: none counts. */
  setClientAuthorities(pems: readonly string[]): void;
}

export function kubeletServer(options: KubeletServerOptions): KubeletServer {
  const { log, nodeName, upstream } = options;
  const usage = usageReader(upstream);
  const metrics = resourceMetrics();
  const startedAt = upstream.clock.wall();
  const streams = new Set<Duplex>();
  const context: { ca: string[]; cert?: string; key?: string } = { ca: [] };

  /** Who may ask what: 401 without a known user, 403 without the right; nothing else is looked at before. */
  async function admit(request: IncomingMessage, url: URL, signal: AbortSignal): Promise<Route> {
    const user = await options.authenticate(request, signal);
    if (user === undefined) throw new HttpProblem(401, 'Unauthorized');
    const access = accessOf(request.method ?? 'GET', url.pathname);
    if (!(await options.authorize(user, access, signal))) {
      const right = `${access.verb} of nodes/${access.subresources.join(' or nodes/')}`;
      throw new HttpProblem(403, `Forbidden (user=${user.username}, needs ${right} on node ${nodeName})`);
    }
    return routeOf(url.pathname);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const url = urlOf(request);
    const route = await admit(request, url, gone.signal);
    const pods = upstream.pods;
    switch (route.kind) {
      case 'healthz':
        return text(response, 'ok');
      case 'pods':
        return json(response, podList(pods.list()));
      case 'runningpods':
        return json(response, runningPodList(pods.list()));
      case 'statsSummary':
        return json(response, statsSummary({ name: nodeName, startedAt }, pods.list(), await usage.read(gone.signal)));
      case 'resourceMetrics':
        return text(response, metrics.text(pods.list(), await usage.read(gone.signal)));
      case 'logs':
        return serveLogs(upstream, { ...route, query: url.searchParams }, response);
      case 'exec':
      case 'attach':
      case 'portForward':
        throw new HttpProblem(400, `${route.kind} needs an upgrade of the connection`);
      case 'unknown':
        throw new HttpProblem(404, `a virtual node serves no ${url.pathname}`);
      default:
        return route satisfies never;
    }
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, first: Buffer): Promise<void> {
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    const url = urlOf(request);
    const route = await admit(request, url, gone.signal);
    if (route.kind !== 'exec' && route.kind !== 'attach' && route.kind !== 'portForward') {
      throw new HttpProblem(400, `${url.pathname} knows no upgrade`);
    }
    const { kind, pod, container } = route;
    await tunnel(upstream, { kind, pod, container, query: url.searchParams }, { request, socket, first });
  }

  const server = createServer(
    {
      requestCert: true,
      // Callers may come with a token instead; `authenticate` looks at OpenSSL's verdict on the certificate.
      rejectUnauthorized: false,
      ca: context.ca,
      minVersion: 'TLSv1.2',
      // A resumed session would carry the verdict of a client CA that has been replaced since.
      secureOptions: constants.SSL_OP_NO_TICKET,
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      allowHalfOpen: true,
    },
    (request, response) => {
      answer(request, response).catch((error: unknown) => {
        note(log, request, error);
        answerProblem(response, error);
      });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on('upgrade', (request, socket, first) => {
    streams.add(socket);
    socket.once('close', () => streams.delete(socket));
    socket.on('error', (error) => log.debug({ error: messageOf(error), node: nodeName }, 'stream broke'));
    upgrade(request, socket, first).catch((error: unknown) => {
      note(log, request, error);
      refuse(request, socket, error);
    });
  });
  server.on('tlsClientError', (error) =>
    log.debug({ error: messageOf(error), node: nodeName }, 'TLS handshake failed'),
  );

  return {
    async listen({ basePort, host }) {
      const last = basePort === 0 ? 0 : basePort + PORT_RANGE;
      for (let port = basePort; port <= last; port++) {
        const bound = await tryListen(server, port, host);
        if (bound !== undefined) return bound;
      }
      throw new NodeError('NoFreePort', {
        attempted: `serve the kubelet endpoint of node ${nodeName}`,
        where: `ports ${basePort} to ${last}`,
        why: 'all of them are in use',
      });
    },
    setCertificate({ certPem, keyPem }) {
      context.cert = certPem;
      context.key = keyPem;
      apply(server, context);
    },
    setClientAuthorities(pems) {
      context.ca = [...pems];
      apply(server, context);
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      for (const socket of streams) socket.destroy(); // upgraded sockets are no connections of the server any more
      await closed;
    },
  };
}

function apply(server: Server, context: { ca: string[]; cert?: string; key?: string }): void {
  server.setSecureContext({
    ...context,
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
}

/** The port, or undefined where it is taken. */
function tryListen(server: Server, port: number, host: string | undefined): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      server.removeListener('listening', listening);
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    };
    const listening = () => {
      server.removeListener('error', failed);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    };
    server.once('error', failed);
    server.once('listening', listening);
    // Without a host Node takes `::`, or 0.0.0.0 where there is no IPv6.
    server.listen(host === undefined ? { port } : { port, host });
  });
}

/** The host is never used; a malformed target is the caller's fault. */
function urlOf(request: IncomingMessage): URL {
  try {
    return new URL(request.url ?? '/', 'https://node');
  } catch (cause) {
    throw new HttpProblem(400, 'malformed request target', { cause });
  }
}

function note(log: Log, request: IncomingMessage, error: unknown): void {
  // The query may hold a command line with secrets.
  const path = request.url?.split('?')[0];
  if (error instanceof HttpProblem && error.status < 500) log.debug({ path, status: error.status }, error.message);
  else log.warn({ path, error: messageOf(error) }, 'kubelet request failed');
}

function text(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(body);
}

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
