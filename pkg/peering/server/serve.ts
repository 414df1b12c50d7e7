import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Peer } from '#pkg/api';
import type { KnownPeers } from '../peer-view.ts';
import type { ProviderDeps } from '../provider/options.ts';
import type { KnownRequests } from '../approval/known-requests.ts';
import { requestDesk } from '../approval/request-desk.ts';
import { peeringApp } from './app.ts';
import { doorkeeper } from './client-identity.ts';
import { type ConnectionLimits, limitConnections } from './connections.ts';
import { relayServer, type RelayServerOptions } from './relay.ts';
import { tryLimiter } from './try-limiter.ts';

export interface ServePeeringOptions {
  /** Default 7443; 0 takes any free port. */
  readonly port?: number;
  /** Default: all addresses. */
  readonly host?: string;
  readonly connections?: ConnectionLimits;
  /** New requests for approval from one source; default 10. */
  readonly requestsPerMinute?: number;
  /** Absent: this provider has no relay. */
  readonly relay?: RelayServerOptions;
  /** How long a connection may be slow or idle, in milliseconds; default 10 s (PEER-36). Tests shorten it. */
  readonly cutAfterMs?: number;
}

export interface ServePeeringDeps extends ProviderDeps {
  readonly peers: KnownPeers;
  readonly requests: KnownRequests;
  readonly onContact?: (peer: Peer) => void;
}

export interface PeeringServer extends AsyncDisposable {
  /** The port it listens on. */
  readonly port: number;
  /** Connections that are no relay, and relayed ones. */
  readonly open: { readonly api: number; readonly relayed: number };
}

const DEFAULT_PORT = 7443;
/** How often to see whether the certificate is past two thirds of its life. Clamped below 2^31 ms by its size (T21). */
const CERTIFICATE_CHECK_MS = 3600_000;

/**
 * The peering endpoint: TLS 1.3 with our identity key, asks every client for its key, serves the peering API and the
 * relay. Resolves when it listens; dispose it to stop. Its certificate is renewed while it runs, connections stay.
 */
export async function servePeering(deps: ServePeeringDeps, options: ServePeeringOptions = {}): Promise<PeeringServer> {
  const { peers, log, identity, clock } = deps;
  const cutAfterMs = options.cutAfterMs ?? 10_000;
  const door = doorkeeper({ peers, clock, log, clusterName: deps.options.clusterName });
  const app = await peeringApp({
    ...deps,
    door,
    redeemTries: tryLimiter({ clock }),
    desk: requestDesk(deps),
    requestTries: tryLimiter({ clock, perMinute: options.requestsPerMinute ?? 10 }),
    onContact: deps.onContact ?? (() => {}),
  });
  const { keyPem, certPem } = await identity.tls();

  const server = createServer(
    {
      key: keyPem,
      cert: certPem,
      minVersion: 'TLSv1.3',
      requestCert: true,
      // Keys are pinned, nobody signs them: whose key it is, every request checks.
      rejectUnauthorized: false,
      handshakeTimeout: cutAfterMs,
      headersTimeout: cutAfterMs,
      requestTimeout: cutAfterMs,
      keepAliveTimeout: cutAfterMs,
      connectionsCheckingInterval: Math.min(1_000, cutAfterMs / 4),
      maxHeaderSize: 8 * 1024,
    },
    app,
  );
  server.setTimeout(cutAfterMs);
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('clientError', (_error, socket) => socket.destroy());
  const connections = limitConnections(server, options.connections);
  const relay = options.relay === undefined ? undefined : relayServer({ door, peers, log }, options.relay);
  server.on('connect', (request, socket, head) => {
    if (relay === undefined) socket.end('HTTP/1.1 403 Refused\r\nConnection: close\r\n\r\n');
    else {
      connections.release(request.socket);
      relay.accept(request, socket, head);
    }
  });
  const stopRenewal = renewCertificate(server, deps, certPem);

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(
      { port: options.port ?? DEFAULT_PORT, ...(options.host === undefined ? {} : { host: options.host }) },
      () => {
        server.off('error', reject);
        server.on('error', (error) => log.error({ error: error.message }, 'the peering endpoint had an error'));
        resolve();
      },
    );
  });
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return { api: connections.size, relayed: relay?.size ?? 0 };
    },
    async [Symbol.asyncDispose]() {
      stopRenewal[Symbol.dispose]();
      relay?.[Symbol.dispose]();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      // A request under way gets a moment to be answered.
      using _deadline = clock.timer(() => connections.destroyAll(), 2_000);
      await closed;
    },
  };
}

/** `setSecureContext` counts for new connections; open ones go on with the certificate they have seen. */
function renewCertificate(
  server: ReturnType<typeof createServer>,
  { identity, log }: ServePeeringDeps,
  first: string,
): Disposable {
  let shown = first;
  const timer = setInterval(() => {
    identity.tls().then(
      ({ keyPem, certPem }) => {
        if (shown !== certPem) server.setSecureContext({ key: keyPem, cert: certPem, minVersion: 'TLSv1.3' });
        shown = certPem;
      },
      (error: unknown) =>
        log.error({ error: String(error) }, 'the peering certificate could not be renewed; tried again in an hour'),
    );
  }, CERTIFICATE_CHECK_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
