import type { Duplex, Readable } from 'node:stream';
import type { Agent, Dispatcher } from 'undici';
import { type Clock, messageOf } from '#pkg/runtime';
import { abortable } from './abortable.ts';
import { readBody, unpack } from './body.ts';
import type { ClusterConfig } from './config.ts';
import { type ClientCertificate, createCredentials, type Identity } from './credentials.ts';
import { deadline } from './deadline.ts';
import { causeCode, errorOfConnection, KubeError } from './errors.ts';
import { closeLink, type Link, openLink, retireLink } from './link.ts';
import type { KubeMetrics } from './metrics.ts';
import { createReachability, type Reachability } from './reachability.ts';

/** From the call to the last byte of the answer. */
const REQUEST_TIMEOUT_MS = 30_000;
/** From the call to the head of the answer, where the body may last (watches, logs). */
const HEADERS_TIMEOUT_MS = 30_000;

export type Headers = Record<string, string | string[] | undefined>;
export type Query = Readonly<Record<string, string | number | boolean | undefined | readonly string[]>>;

export interface Request {
  readonly method: string;
  /** Below the server's base path, percent-encoded. */
  readonly path: string;
  readonly query?: Query | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Buffer | undefined;
  /** For messages: `get Pod shop/web`. Default: method and path. */
  readonly attempted?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Default 64 MiB. */
  readonly maxBytes?: number | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface OpenAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Has to be read to its end or destroyed. */
  readonly body: Readable;
}

/** Authenticated HTTP to one API server. An answer of any status is no error here. */
export interface Transport {
  /** `https://host:port (cluster name)`: the `where` of messages. */
  readonly where: string;
  readonly reachability: Reachability;
  /**
   * One request, answered as a whole. A 401 renews the credentials and tries once more; a GET whose kept connection
   * died under it goes out once more.
   * @throws KubeError `Unreachable`, `CertificateRejected`, `TooSlow`, `TooLarge`, `CredentialsUnavailable`; the
   * signal's reason on abort
   */
  send(request: Request): Promise<Answer>;
  /** One request whose answer lasts: no time-out after its head. Same errors. */
  open(request: Request & { readonly signal: AbortSignal }): Promise<OpenAnswer>;
  /** A socket with TLS done, and the headers that authenticate a request on it. */
  connect(signal: AbortSignal): Promise<{ socket: Duplex; headers: Record<string, string>; host: string }>;
  setToken(token: string): void;
  /** Ends everything at once; nothing can be sent afterwards. */
  close(): Promise<void>;
}

export interface TransportDeps {
  readonly clock: Clock;
  readonly metrics: KubeMetrics | undefined;
}

export function createTransport(config: ClusterConfig, { clock, metrics }: TransportDeps): Transport {
  const url = serverUrl(config);
  const { origin } = url;
  const basePath = url.pathname.replace(/\/$/, '');
  const where = `${origin} (cluster ${config.name})`;
  const credentials = createCredentials(config.auth, clock);
  const reachability = createReachability();
  let link: Link | undefined;
  let retired: Promise<void> = Promise.resolve();
  let isClosed = false;

  /** A new client certificate makes a new pair of Agents. */
  function linkFor(clientCert: ClientCertificate | undefined): Link {
    if (isClosed) throw new Error(`the client of cluster ${config.name} was closed`);
    if (link !== undefined && link.clientCert?.certPem !== clientCert?.certPem) {
      retired = Promise.all([retired, retireLink(link)]).then(() => {});
      link = undefined;
    }
    link ??= openLink(config, clientCert);
    return link;
  }

  async function identify(facts: Facts, signal: AbortSignal): Promise<Identity> {
    try {
      return await credentials.current(signal);
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof KubeError) throw cause;
      const why = messageOf(cause);
      throw new KubeError('CredentialsUnavailable', { ...facts, why }, { cause });
    }
  }

  /** One attempt; the answer's body is open. */
  function attempt(request: Request, identity: Identity, use: Use, signal: AbortSignal) {
    const answer = linkFor(identity.clientCert)[use].request({
      origin,
      path: basePath + request.path + search(request.query),
      method: request.method as Dispatcher.HttpMethod,
      headers: {
        accept: 'application/json',
        'user-agent': config.userAgent ?? 'tombolo',
        ...(config.compression === true && { 'accept-encoding': 'gzip' }),
        ...(request.body !== undefined && { 'content-type': 'application/json' }),
        ...request.headers,
        ...identity.headers,
      },
      body: request.body ?? null,
      reset: false, // or undici closes a connection after each DELETE that has a body
      signal,
      headersTimeout: use === 'watches' ? HEADERS_TIMEOUT_MS : 0,
    });
    return abortable(answer, signal);
  }

  async function dispatch(request: Request, facts: Facts, use: Use, signal: AbortSignal) {
    // At most one renewal of the credentials and one repeat on a fresh connection.
    let mayRenew = true;
    let mayRepeat = request.method === 'GET';
    for (;;) {
      const identity = await identify(facts, signal);
      const startedAt = clock.now();
      try {
        const answer = await attempt(request, identity, use, signal);
        reachability.answered();
        metrics?.answered(config.name, request.method, answer.statusCode, (clock.now() - startedAt) / 1000);
        if (answer.statusCode !== 401 || !mayRenew || !(await credentials.renew(identity, signal))) return answer;
        mayRenew = false;
        await answer.body.dump();
      } catch (cause) {
        signal.throwIfAborted();
        if (!mayRepeat || !isDeadConnection(cause)) {
          reachability.failed();
          metrics?.unanswered(config.name, request.method, causeCode(cause) ?? 'unknown');
          throw errorOfConnection(facts, cause);
        }
        mayRepeat = false;
      }
    }
  }

  return {
    where,
    reachability,
    async send(request) {
      const facts = factsOf(request, where);
      using limit = deadline(clock, request.signal, request.timeoutMs ?? REQUEST_TIMEOUT_MS, facts);
      limit.signal.throwIfAborted();
      const answer = await dispatch(request, facts, 'requests', limit.signal);
      try {
        const packed = await readBody(answer.body, facts, clock, request.maxBytes);
        const body = await unpack(packed, answer.headers['content-encoding'], facts, request.maxBytes);
        return { status: answer.statusCode, headers: answer.headers, body };
      } catch (cause) {
        limit.signal.throwIfAborted();
        throw errorOfConnection(facts, cause);
      }
    },
    async open(request) {
      request.signal.throwIfAborted();
      const answer = await dispatch(request, factsOf(request, where), 'watches', request.signal);
      return { status: answer.statusCode, headers: answer.headers, body: answer.body };
    },
    async connect(signal) {
      const facts = { attempted: 'open a connection', where };
      signal.throwIfAborted();
      const identity = await identify(facts, signal);
      try {
        const socket = await linkFor(identity.clientCert).dialer.dial(signal);
        reachability.answered();
        return { socket, headers: singleLines(identity.headers), host: url.host };
      } catch (cause) {
        signal.throwIfAborted();
        reachability.failed();
        throw errorOfConnection(facts, cause);
      }
    },
    setToken: (token) => credentials.setToken(token),
    async close() {
      isClosed = true;
      await Promise.all([retired, link === undefined ? undefined : closeLink(link)]);
    },
  };
}

type Use = keyof { [K in keyof Link as Link[K] extends Agent ? K : never]: true };

interface Facts {
  readonly attempted: string;
  readonly where: string;
}

function factsOf(request: Request, where: string): Facts {
  return { attempted: request.attempted ?? `${request.method} ${request.path}`, where };
}

function serverUrl(config: ClusterConfig): URL {
  const url = URL.canParse(config.server) ? new URL(config.server) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new TypeError(`the server of cluster "${config.name}" is "${config.server}": an https URL is needed`);
  }
  return url;
}

function search(query: Query | undefined): string {
  if (query === undefined) return '';
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (typeof value === 'object') for (const item of value) params.append(name, item);
    else params.append(name, String(value));
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

/** A head written by hand has one line for each header; only impersonation of several groups would need more. */
function singleLines(headers: Identity['headers']): Record<string, string> {
  const lines: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const values = typeof value === 'string' ? [value] : value;
    if (values.length > 1) throw new TypeError(`a byte tunnel cannot carry several "${name}" headers`);
    lines[name] = values[0] ?? '';
  }
  return lines;
}

/** A kept connection that the server had closed, or that died with the server: says nothing about the next one. */
function isDeadConnection(cause: unknown): boolean {
  const code = causeCode(cause);
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}
