import { type Cluster, connectCluster, type Informer, keyOf, type Secret } from '#pkg/kube';
import type { Log } from '#pkg/runtime';
import { clusterConfigOf, connectionKey } from './consumer/cluster-of-peer.ts';
import { credentialsOfSecret, type PeerCredentials, peerOfCredentials } from './consumer/peer-credentials.ts';
import type { Identity } from './identity/identity.ts';
import { loadIdentity } from './identity/identity-secret.ts';

/** The API server of a provider, as one process sees it. */
export interface PeerCluster {
  /** Name of the Peer here. */
  readonly peer: string;
  /** What the provider calls us. */
  readonly origin: string;
  readonly tenantNamespace: string;
  readonly cluster: Cluster;
  /** Aborted when the peer is removed, suspended, or another connection takes this one's place. */
  readonly signal: AbortSignal;
}

/** All providers of this cluster. One that is dead costs nothing here: nothing is dialled before it is used. */
export interface PeerClusters {
  get(peer: string): PeerCluster | undefined;
  /** Called with a peer's name when its connection appears, is replaced or goes; not for a new token. */
  on(handler: (peer: string) => void): Disposable;
  /** Follows the Secrets until `signal` aborts, then closes all connections. The informer must be run by the caller. */
  run(signal: AbortSignal): Promise<void>;
}

export interface PeerClustersDeps {
  readonly home: Cluster;
  /** Secrets of the system namespace with `PEER_SECRETS_SELECTOR`. */
  readonly credentials: Informer<Secret>;
  readonly log: Log;
  /** Our identity, for the relay; by default read from its Secret when first needed. */
  readonly identity?: () => Promise<Identity>;
  readonly version?: string;
}

interface Entry {
  credentials: PeerCredentials;
  readonly key: string;
  readonly view: PeerCluster;
  readonly ended: AbortController;
}

/**
 * Keeps one connection per credentials Secret. A new token is set on the connection that stands, so nothing breaks; only
 * another server, CA, path or identity makes a new connection.
 */
export function peerClusters({ home, credentials, log, identity, version }: PeerClustersDeps): PeerClusters {
  const entries = new Map<string, Entry>();
  const handlers = new Set<(peer: string) => void>();
  const closing = new Set<Promise<void>>();
  const whoWeAre = identity ?? memoized(() => loadIdentity(home.client, AbortSignal.timeout(10_000)));
  const userAgent = `tombolo/${version ?? 'dev'}`;

  const tell = (peer: string) => {
    for (const handler of handlers) handler(peer);
  };
  const close = (peer: string) => {
    const entry = entries.get(peer);
    if (entry === undefined) return;
    entries.delete(peer);
    entry.ended.abort(new Error(`the connection to ${peer} was closed or replaced`));
    const closed = entry.view.cluster[Symbol.asyncDispose]().catch((error: unknown) => {
      log.warn({ peer, error: String(error) }, 'a connection to a peer could not be closed cleanly');
    });
    closing.add(closed);
    closed.finally(() => closing.delete(closed)).catch(() => {}); // `closed` never rejects
  };
  const open = (wanted: PeerCredentials) => {
    const { peer, origin, tenantNamespace } = wanted;
    const config = clusterConfigOf(wanted, { current: () => entry.credentials, identity: whoWeAre, userAgent });
    const ended = new AbortController();
    const cluster = connectCluster(config, { log: log.child({ peer }) });
    const entry: Entry = {
      credentials: wanted,
      key: connectionKey(wanted),
      view: { peer, origin, tenantNamespace, cluster, signal: ended.signal },
      ended,
    };
    entries.set(peer, entry);
  };
  const follow = (peer: string, wanted: PeerCredentials | undefined) => {
    const entry = entries.get(peer);
    if (wanted === undefined || wanted.suspended) {
      close(peer);
      if (entry !== undefined) tell(peer);
      return;
    }
    if (entry?.key === connectionKey(wanted)) {
      if (entry.credentials.token !== wanted.token) entry.view.cluster.setToken(wanted.token);
      entry.credentials = wanted;
      return;
    }
    close(peer);
    open(wanted);
    tell(peer);
  };

  return {
    get: (peer) => entries.get(peer)?.view,
    on(handler) {
      const own = (peer: string) => handler(peer); // the same handler may be added twice
      handlers.add(own);
      return { [Symbol.dispose]: () => void handlers.delete(own) };
    },
    async run(signal) {
      using _following = credentials.on((old, current) => {
        const peer = peerOfCredentials(current ?? old ?? { metadata: { name: '' } });
        if (peer === undefined) return;
        try {
          follow(peer, credentialsOfSecret(current));
        } catch (error) {
          // One peer's broken credentials (a server that is no URL) must not end this loop for all others.
          log.error(
            { peer, secret: keyOf(current ?? old ?? { metadata: { name: '' } }), error: String(error) },
            'the credentials of a peer cannot be used',
          );
        }
      });
      await aborted(signal);
      for (const peer of entries.keys()) close(peer);
      await Promise.all(closing);
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Remembers the first success; a failure is tried again by the next caller. */
function memoized<T>(load: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined;
  return () => {
    value ??= load().catch((error: unknown) => {
      value = undefined;
      throw error;
    });
    return value;
  };
}
