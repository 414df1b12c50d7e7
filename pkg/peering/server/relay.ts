import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Log } from '#pkg/runtime';
import { isPeeringError } from '../errors.ts';
import type { Fingerprint } from '../identity/fingerprint.ts';
import { type KnownPeers, mayUse } from '../peer-view.ts';
import { RELAY_TARGET } from '../wire.ts';
import type { Address } from '../client/address.ts';
import { type Doorkeeper, fingerprintOfSocket } from './client-identity.ts';

export interface RelayServerOptions {
  /** Our own API server, as this process reaches it; the only place where a relay leads. */
  readonly target: Address;
  /** Open streams of one peer; default 512: a hundred watches, and logs and shells of as many people as a team has. */
  readonly maxPerPeer?: number;
  /** Default 4096. */
  readonly max?: number;
}

export interface RelayServer extends Disposable {
  /** Answers HTTP CONNECT on the peering endpoint. The socket is ours from then on. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  readonly size: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 30_000;

/**
 * Forwards bytes between peers that we lend to and our API server; sees TLS of the API server only. A peer that loses
 * its right loses its open streams at once (PEER-35).
 */
export function relayServer(
  deps: { door: Doorkeeper; peers: KnownPeers; log: Log },
  { target, maxPerPeer = 512, max = 4096 }: RelayServerOptions,
): RelayServer {
  const streams = new Map<Socket, Fingerprint>();

  const closeUnwanted = () => {
    for (const [socket, fingerprint] of streams) {
      const peer = deps.peers.cached(fingerprint);
      if (peer === undefined || !mayUse(peer)) socket.destroy();
    }
  };
  const watching = deps.peers.on(closeUnwanted);

  async function serve(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const gone = new AbortController();
    socket.once('close', () => gone.abort(new Error('the peer hung up')));
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]);
    const peer = await deps.door.peerOf(socket, signal);
    const fingerprint = fingerprintOfSocket(socket);
    if (fingerprint === undefined || !mayUse(peer) || request.url !== RELAY_TARGET) return refuse(socket, 403);
    const own = streams.values().reduce((count, other) => count + (other === fingerprint ? 1 : 0), 0);
    if (streams.size >= max || own >= maxPerPeer) return refuse(socket, 503);
    streams.set(socket, fingerprint);
    socket.once('close', () => streams.delete(socket));
    const upstream = await dial(target, signal).catch((error: unknown) => {
      deps.log.warn(
        { target: `${target.host}:${target.port}`, error: String(error) },
        'the relay cannot reach our API server',
      );
      return undefined;
    });
    if (upstream === undefined) return refuse(socket, 502);
    splice(socket, upstream);
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    if (head.length > 0) upstream.write(head);
  }

  return {
    accept(request, duplex, head) {
      const socket = duplex as Socket; // node:https hands over the TLSSocket itself
      socket.on('error', () => socket.destroy());
      serve(request, socket, head).catch((error: unknown) => {
        if (isPeeringError(error)) refuse(socket, error.code === 'TooManyTries' ? 429 : 401);
        else {
          if (!socket.destroyed) deps.log.warn({ error: String(error) }, 'a relayed connection could not be set up');
          refuse(socket, 503);
        }
      });
    },
    get size() {
      return streams.size;
    },
    [Symbol.dispose]() {
      watching[Symbol.dispose]();
      for (const socket of streams.keys()) socket.destroy();
    },
  };
}

function refuse(socket: Socket, status: number): void {
  if (socket.destroyed) return;
  socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  socket.setTimeout(KEEP_ALIVE_MS, () => socket.destroy());
}

function dial(target: Address, signal: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const upstream = connect({ host: target.host, port: target.port, signal });
  upstream.once('connect', () => resolve(upstream));
  upstream.once('error', reject);
  return promise.finally(() => upstream.off('error', reject));
}

/** Quiet watches live for minutes: no time-out, TCP keep-alive finds dead ends. One end's death is the other's. */
function splice(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.setTimeout(0);
    from.setNoDelay(true);
    from.setKeepAlive(true, KEEP_ALIVE_MS);
    from.on('error', () => to.destroy());
    from.once('close', () => to.destroy());
    from.pipe(to);
  }
}
