import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { PeeringError } from '../errors.ts';
import { type Fingerprint, fingerprintOfCertificate, shortFingerprint } from '../identity/fingerprint.ts';
import type { Identity } from '../identity/identity.ts';
import type { Address } from './address.ts';

export interface DialOptions {
  readonly identity: Identity;
  /** The key that must answer. */
  readonly fingerprint: Fingerprint;
  /** For TCP and TLS together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** First part of an error's sentence, for example `redeem the invite`. */
  readonly attempted: string;
}

/**
 * A TLS 1.3 connection to a peering endpoint whose key is checked before the socket is handed over, so that not one byte
 * of ours reaches anybody else. Never resumes a session: a resumed one shows no certificate (and the check would have to
 * pass or fail blindly).
 * @throws PeeringError `PeerUnreachable` (retryable) naming address, port and cause; `IdentityChanged`
 */
export async function dialPinned(address: Address, options: DialOptions): Promise<TLSSocket> {
  const { identity, fingerprint, timeoutMs, signal, attempted } = options;
  const where = `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port} (TCP)`;
  const { keyPem, certPem } = await identity.tls();
  signal.throwIfAborted();
  const socket = connect({
    host: address.host,
    port: address.port,
    key: keyPem,
    cert: certPem,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['http/1.1'],
    // The certificate proves possession of a key and nothing else; which key it must be is checked below.
    rejectUnauthorized: false,
    ...(isIP(address.host) === 0 ? { servername: address.host } : {}),
  });
  try {
    await secured(socket, timeoutMs, signal);
  } catch (cause) {
    socket.destroy();
    if (signal.aborted) throw signal.reason;
    throw new PeeringError('PeerUnreachable', { attempted, where, why: reasonOf(cause) }, { cause });
  }
  const shown = fingerprintOfCertificate(socket.getPeerX509Certificate());
  if (shown !== fingerprint) {
    socket.destroy();
    const got = shown === undefined ? 'no key' : `key ${shortFingerprint(shown)}`;
    const why = `identity changed: it shows ${got}, not ${shortFingerprint(fingerprint)}`;
    throw new PeeringError('IdentityChanged', { attempted, where, why });
  }
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 30_000);
  return socket;
}

function secured(socket: TLSSocket, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.once('secureConnect', resolve);
  socket.once('error', reject);
  socket.once('close', () => reject(new Error('the connection was closed while it was being set up')));
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    socket.off('error', reject);
  });
}

/** `connection refused` rather than `connect ECONNREFUSED 198.18.0.2:30443`: the address is said already. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'the name cannot be resolved',
  EAI_AGAIN: 'the name cannot be resolved',
  EHOSTUNREACH: 'no route to that address',
  ENETUNREACH: 'no route to that address',
  ECONNRESET: 'the connection was reset',
};

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'it failed';
  const known = 'code' in cause ? REASONS[String(cause.code)] : undefined;
  return known ?? cause.message.slice(0, 200);
}
