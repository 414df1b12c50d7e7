import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import { abortable } from './abortable.ts';
import type { ClusterConfig, Connector } from './config.ts';
import type { ClientCertificate } from './credentials.ts';

/** Time for TCP and TLS together; also for a connector to open its stream. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Finds a dead link below NAT time-outs, which are rarely under a minute. */
const TCP_KEEP_ALIVE_MS = 30_000;

/** Opens connections to one API server, always HTTP/1.1: byte tunnels need it, and one h2 session would carry all watches (T7). */
export interface Dialer {
  /** For an undici Agent. */
  readonly connector: buildConnector.connector;
  /** One connection for bytes, TLS done. Rejects with the signal's reason, or with the error of the connection. */
  dial(signal: AbortSignal): Promise<Duplex>;
  /** Ends attempts under way; connections that were handed over stay with their owners. */
  [Symbol.dispose](): void;
}

export function createDialer(config: ClusterConfig, clientCert: ClientCertificate | undefined): Dialer {
  const closing = new AbortController();
  const tlsConnect = buildConnector({
    allowH2: false,
    timeout: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    rejectUnauthorized: config.insecureSkipTlsVerify !== true,
    ...(config.tlsServerName !== undefined && { servername: config.tlsServerName }),
    // Made once: reading certificates anew costs each connection of a burst as much as its handshake.
    secureContext: createSecureContext({
      ...(config.caPem !== undefined && { ca: config.caPem }),
      ...(clientCert !== undefined && { cert: clientCert.certPem, key: clientCert.keyPem }),
    }),
  });
  const connector =
    config.connector === undefined ? tlsConnect : overStream(config.connector, tlsConnect, closing.signal);

  return {
    connector,
    dial(signal) {
      const url = new URL(config.server);
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        let isAbandoned = false;
        const abandon = () => {
          isAbandoned = true;
          reject(signal.reason);
        };
        signal.addEventListener('abort', abandon, { once: true });
        connector(endpoint(url), (error, socket) => {
          signal.removeEventListener('abort', abandon);
          if (error !== null) reject(error);
          else if (isAbandoned) socket.destroy();
          else resolve(socket);
        });
      });
    },
    [Symbol.dispose]() {
      closing.abort(new Error('the cluster was closed'));
    },
  };
}

/** TLS (or plain HTTP in tests) over a stream that somebody else opens. */
function overStream(
  open: Connector,
  tlsConnect: buildConnector.connector,
  closing: AbortSignal,
): buildConnector.connector {
  return (options, callback) => {
    const signal = AbortSignal.any([closing, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]);
    const target = { host: options.hostname, port: Number(options.port) || defaultPort(options.protocol) };
    obedient(open, target, signal).then(
      (stream) => {
        // undici types `httpSocket` as Socket, but hands it to tls.connect, which takes any Duplex.
        const socket = stream as Socket;
        if (options.protocol === 'https:') tlsConnect({ ...options, httpSocket: socket }, callback);
        else callback(null, socket);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}

/** The connector comes from elsewhere: if it does not end with its signal, we do, and drop what it brings later. */
function obedient(open: Connector, target: { host: string; port: number }, signal: AbortSignal): Promise<Duplex> {
  const opening = open(target, signal).then((stream) => {
    if (signal.aborted) stream.destroy();
    return stream;
  });
  return abortable(opening, signal);
}

function endpoint(url: URL): buildConnector.Options {
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  return { hostname, host: url.host, protocol: url.protocol, port: url.port };
}

function defaultPort(protocol: string): number {
  return protocol === 'https:' ? 443 : 80;
}
