import { GRANT, type Grant } from '#pkg/api';
import type { Informer } from '#pkg/kube';
import { type Log, messageOf } from '#pkg/runtime';
import type { PeerCluster } from '../peer-cluster.ts';

/** The Grants of each provider, watched in its tenant namespace. */
export interface GrantWatches {
  /**
   * The informer of that connection, started at the first call and stopped when the connection ends. Idempotent.
   * Not synced at once: ask `isSynced`.
   */
  of(peer: PeerCluster): Informer<Grant>;
}

export interface GrantWatchesOptions {
  /** Told the name of a Grant, which is the name of its VirtualNode. */
  readonly changed: (name: string, grant: Grant | undefined, peer: string) => void;
  /** Told when the Grants of a peer are all known: those that are not there can be made now. */
  readonly synced: (peer: string) => void;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** One watch per provider, never one per virtual node. A provider that does not answer fills only its own watch. */
export function grantWatches(options: GrantWatchesOptions): GrantWatches {
  const running = new Map<string, { connection: PeerCluster; informer: Informer<Grant> }>();
  return {
    of(connection) {
      const known = running.get(connection.peer);
      if (known?.connection === connection) return known.informer;
      const informer = connection.cluster.informer<Grant>(GRANT, { namespace: connection.tenantNamespace });
      const entry = { connection, informer };
      running.set(connection.peer, entry);
      informer.on((old, current) => {
        const name = (current ?? old)?.metadata.name;
        if (name !== undefined) options.changed(name, current, connection.peer);
      });
      informer.onError((error) =>
        options.log.debug({ peer: connection.peer, error: messageOf(error) }, 'watch of grants'),
      );
      informer.synced.then(
        () => options.synced(connection.peer),
        () => undefined, // the connection ended before
      );
      informer
        .run(AbortSignal.any([connection.signal, options.signal]))
        .catch((error: unknown) =>
          options.log.error({ peer: connection.peer, error: messageOf(error) }, 'watch of grants ended'),
        )
        .finally(() => {
          if (running.get(connection.peer) === entry) running.delete(connection.peer);
        });
      return informer;
    },
  };
}
