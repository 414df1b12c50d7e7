import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { isPeeringError, PeeringError } from '../errors.ts';
import { RELAY_TARGET } from '../wire.ts';
import { parseAddress } from './address.ts';
import { type DialOptions, dialPinned } from './dial.ts';

/** The answer to CONNECT is a status line and at most a few headers. */
const MAX_HEAD_BYTES = 8 * 1024;

export interface RelayOptions extends Omit<DialOptions, 'attempted'> {
  /** `host:port` of the peering endpoint, tried in order. */
  readonly addresses: readonly string[];
}

/**
 * A byte stream to the API server of a peer, through its peering endpoint: pinned TLS, then HTTP CONNECT (RFC 9110
 * 9.3.6). The caller speaks TLS to the API server inside, so the endpoint sees cipher text only.
 * @throws PeeringError `PeerUnreachable`, `NotPeered`, `NotLent`, `IdentityChanged`, `ApiUnreachable`, `UnexpectedAnswer`
 */
export async function openRelay(options: RelayOptions): Promise<Duplex> {
  const attempted = "reach the peer's API server through the relay";
  let failure: unknown = new PeeringError('PeerUnreachable', {
    attempted,
    where: 'the peer',
    why: 'no address of it is known',
  });
  for (const text of options.addresses) {
    const address = parseAddress(text);
    if (address === undefined) continue;
    try {
      const socket = await dialPinned(address, { ...options, attempted });
      return await tunnelled(socket, { ...options, attempted, where: `${text} (TCP)` });
    } catch (error) {
      options.signal.throwIfAborted();
      if (!isPeeringError(error, 'PeerUnreachable')) throw error;
      failure = error;
    }
  }
  throw failure;
}

async function tunnelled(
  socket: TLSSocket,
  options: { attempted: string; where: string; timeoutMs: number; signal: AbortSignal },
): Promise<Duplex> {
  const { attempted, where, timeoutMs, signal } = options;
  try {
    socket.write(`CONNECT ${RELAY_TARGET} HTTP/1.1\r\nHost: ${RELAY_TARGET}\r\n\r\n`);
    const { status, rest } = await readHead(socket, timeoutMs, signal);
    if (status !== 200) throw refusal(status, attempted, where);
    if (rest.length > 0) socket.unshift(rest);
    return socket;
  } catch (cause) {
    socket.destroy();
    if (isPeeringError(cause)) throw cause;
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message.slice(0, 200) : 'it failed';
    throw new PeeringError('PeerUnreachable', { attempted, where, why }, { cause });
  }
}

function refusal(status: number, attempted: string, where: string): PeeringError {
  switch (status) {
    case 401:
      return new PeeringError('NotPeered', { attempted, where, why: 'it does not know our key' });
    case 403:
      return new PeeringError('NotLent', { attempted, where, why: 'it lends nothing to us, or has no relay' });
    case 502:
      return new PeeringError('ApiUnreachable', { attempted, where, why: 'it cannot reach its own API server' });
    case 503:
      return new PeeringError('PeerBusy', { attempted, where, why: 'too many relayed connections' });
    default:
      return new PeeringError('UnexpectedAnswer', { attempted, where, why: `status ${status}` });
  }
}

function readHead(
  socket: TLSSocket,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ status: number; rest: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; rest: Buffer }>();
  let head = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end >= 0) {
      socket.pause(); // nothing may be lost between this listener and the next one
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(head.toString('latin1', 0, end))?.[1];
      resolve({ status: Number(status ?? 0), rest: head.subarray(end + 4) });
    } else if (head.length > MAX_HEAD_BYTES) reject(new Error('its answer has no end'));
  };
  const onClose = () => reject(new Error('the connection was closed without an answer'));
  const onAbort = () => reject(signal.reason);
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.on('data', onData).once('error', reject).once('close', onClose);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    socket.off('data', onData).off('error', reject).off('close', onClose);
  });
}
