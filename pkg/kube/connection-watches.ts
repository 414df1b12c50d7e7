import { type Log, messageOf } from '#pkg/runtime';
import type { Cluster } from './cluster.ts';
import type { Informer } from './informer-interface.ts';
import type { KubeObject } from './object.ts';

/** A connection to another cluster that ends, or that another one takes the place of. */
export interface Connection {
  /** Whose cluster it is. */
  readonly peer: string;
  readonly cluster: Pick<Cluster, 'informer'>;
  readonly signal: AbortSignal;
}

export interface ConnectionWatch<C extends Connection, T extends KubeObject> {
  readonly connection: C;
  readonly informer: Informer<T>;
}

/** One watch of the same thing at every connected cluster. */
export interface ConnectionWatches<C extends Connection, T extends KubeObject> {
  /** The watch at that peer, opened at the first call; undefined while the peer is not connected. */
  of(peer: string): ConnectionWatch<C, T> | undefined;
  /** Those that are open. */
  list(): readonly ConnectionWatch<C, T>[];
}

export interface ConnectionWatchOptions<C extends Connection, T extends KubeObject> {
  readonly connections: { get(peer: string): C | undefined };
  /** What to watch there. */
  readonly open: (connection: C) => Informer<T>;
  /** Told of each object that appears, changes or goes, also at the first reading. */
  readonly changed: (peer: string, object: T) => void;
  /** What is watched, for the log. */
  readonly what: string;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Opens a watch per connection when it is first asked for, and again when the connection was replaced. */
export function connectionWatches<C extends Connection, T extends KubeObject>(
  options: ConnectionWatchOptions<C, T>,
): ConnectionWatches<C, T> {
  const { connections, changed, what, signal, log } = options;
  const open = new Map<string, ConnectionWatch<C, T>>();

  function start(connection: C): ConnectionWatch<C, T> {
    const { peer } = connection;
    const informer = options.open(connection);
    const watch = { connection, informer };
    open.set(peer, watch);
    informer.on((old, current) => {
      const object = current ?? old;
      if (object !== undefined) changed(peer, object);
    });
    informer.onError((error) => log.debug({ peer, error: messageOf(error) }, `watch of ${what}`));
    informer
      .run(AbortSignal.any([connection.signal, signal]))
      .catch((error: unknown) => log.error({ peer, error: messageOf(error) }, `watch of ${what} ended`))
      .finally(() => {
        if (open.get(peer) === watch) open.delete(peer);
      });
    return watch;
  }

  return {
    of(peer) {
      const connection = connections.get(peer);
      if (connection === undefined || connection.signal.aborted) return undefined;
      const standing = open.get(peer);
      return standing?.connection === connection ? standing : start(connection);
    },
    list: () => [...open.values()].filter(({ connection }) => !connection.signal.aborted),
  };
}
