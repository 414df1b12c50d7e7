import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Clock, type Log } from '#pkg/runtime';
import { PeeringError } from '../errors.ts';
import { type Fingerprint, fingerprintOfCertificate } from '../identity/fingerprint.ts';
import type { KnownPeers } from '../peer-view.ts';
import type { Peer } from '#pkg/api';
import { tryLimiter } from './try-limiter.ts';

/** The key that the other end of a connection has proven to hold; `undefined` where it showed none. */
export function fingerprintOfSocket(socket: Socket): Fingerprint | undefined {
  return socket instanceof TLSSocket ? fingerprintOfCertificate(socket.getPeerX509Certificate()) : undefined;
}

/** Tells who asks, and turns everybody else away. */
export interface Doorkeeper {
  /**
   * The Peer whose key the connection has.
   * @throws PeeringError `NotPeered`, or `TooManyTries` where too many unknown keys came from there
   */
  peerOf(socket: Socket, signal: AbortSignal): Promise<Peer>;
}

/**
 * Looks in the cache first. A key that is not there costs one read of the API server, because another replica may have
 * made the Peer a moment ago; strangers get ten such reads a minute.
 */
export function doorkeeper(deps: {
  peers: KnownPeers;
  clock: Pick<Clock, 'now'>;
  log: Log;
  clusterName: string;
}): Doorkeeper {
  const { peers, clock, clusterName } = deps;
  const strangers = tryLimiter({ clock });
  return {
    async peerOf(socket, signal) {
      const facts = { attempted: 'recognise the peer', where: clusterName };
      const fingerprint = fingerprintOfSocket(socket);
      if (fingerprint === undefined)
        throw new PeeringError('NotPeered', { ...facts, why: 'the connection shows no key' });
      const cached = peers.cached(fingerprint);
      if (cached !== undefined) return cached;
      const source = socket.remoteAddress ?? '';
      const waitSeconds = strangers.take(source);
      if (waitSeconds > 0)
        throw new PeeringError('TooManyTries', {
          ...facts,
          why: `too many tries from there; next in ${waitSeconds} s`,
        });
      const fresh = await peers.fresh(fingerprint, signal);
      if (fresh === undefined)
        throw new PeeringError('NotPeered', { ...facts, why: `${clusterName} has no peer with that key` });
      strangers.refund(source);
      return fresh;
    },
  };
}
