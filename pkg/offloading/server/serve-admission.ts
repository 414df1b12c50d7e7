import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Log } from '#pkg/runtime';
import { messageOf } from '#pkg/runtime';
import type { AdmissionHandler } from '../admission/review.ts';
import { OffloadingError } from '../errors.ts';
import { admissionApp } from './admission-app.ts';
import type { WebhookCertificates } from './webhook-certificates.ts';

export interface ServeAdmissionOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Default: all addresses. */
  readonly host?: string;
  /** By path, for example `/mutate/pods`. */
  readonly handlers: Readonly<Record<string, AdmissionHandler>>;
  readonly certificates: Pick<WebhookCertificates, 'current' | 'on' | 'ready'>;
  readonly log: Log;
}

export interface AdmissionServer extends AsyncDisposable {
  /** The port it listens on. */
  readonly port: number;
}

/** Go keeps connections for 90 s; a server that closes earlier gives sporadic resets (T12). */
const KEEP_ALIVE_MS = 120_000;
/** How long requests under way may take when we stop. */
const DRAIN_MS = 5_000;

/**
 * Serves admission over HTTPS, as soon as there is a certificate; a renewed one is taken up while it runs. Dispose it to
 * stop: what is under way is answered first, and answers ask the API server to connect elsewhere.
 * @throws OffloadingError `WebhookPortTaken`
 */
export async function serveAdmission(options: ServeAdmissionOptions): Promise<AdmissionServer> {
  const { certificates, log } = options;
  await certificates.ready;
  const context = () => {
    const set = certificates.current();
    return { cert: set?.certPem ?? '', key: set?.keyPem ?? '' };
  };
  const app = admissionApp(options.handlers, log);
  let isStopping = false;
  const underWay = new Set<ServerResponse>();
  const tls = { ...context(), minVersion: 'TLSv1.2', keepAliveTimeout: KEEP_ALIVE_MS } as const;
  const server = createServer(tls, (request, response) => {
    underWay.add(response);
    response.once('close', () => underWay.delete(response));
    if (isStopping) endConnection(response);
    app(request, response);
  });
  server.headersTimeout = KEEP_ALIVE_MS + 1_000; // must be above keepAliveTimeout, or idle connections are cut by it
  server.on('tlsClientError', (error) => log.debug({ error: messageOf(error) }, 'TLS of a webhook call failed'));
  server.on('clientError', (_error, socket) => socket.destroy());
  const renewal = certificates.on(() => server.setSecureContext(context()));
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      isStopping = true;
      // Not idle yet, so closing idle connections would leave them open: cut later, perhaps under a new request (REF-23).
      for (const response of underWay) endConnection(response);
      renewal[Symbol.dispose]();
      await close(server);
    },
  };
}

/** The API server sends its next request elsewhere. Nothing to do once the answer has begun. */
function endConnection(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}

async function listen(server: Server, { port, host }: ServeAdmissionOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ port, ...(host !== undefined && { host }) }, resolve);
  try {
    await promise;
  } catch (cause) {
    const facts = { attempted: 'serve the admission webhooks', where: `TCP port ${port}`, why: messageOf(cause) };
    throw new OffloadingError('WebhookPortTaken', facts, { cause });
  } finally {
    server.off('error', reject);
  }
}

async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await promise;
  clearTimeout(cut);
}
