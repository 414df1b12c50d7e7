import { NAMESPACE_CLAIM, type NamespaceClaim } from '#pkg/api';
import type { Informer } from '#pkg/kube';
import { type Log, messageOf } from '#pkg/runtime';
import type { PeerCluster, PeerClusters } from '../peer-clusters.ts';

/** Our claims at every connected provider, one watch each, in its tenant namespace. */
export interface ClaimWatches {
  /** The watch of that peer, opened at the first call; undefined while the peer is not connected. */
  of(peer: string): ClaimWatch | undefined;
  /** Those that are open. */
  list(): readonly ClaimWatch[];
}

export interface ClaimWatch {
  readonly connection: PeerCluster;
  readonly claims: Informer<NamespaceClaim>;
}

/**
 * @param changed told the home namespace of each claim that appears, changes or goes, also at the first reading: so claims
 *   that were left behind while the peer was away are found (REF-13)
 */
export function claimWatches(
  peers: Pick<PeerClusters, 'get'>,
  changed: (homeNamespace: string) => void,
  { signal, log }: { signal: AbortSignal; log: Log },
): ClaimWatches {
  const open = new Map<string, ClaimWatch>();

  function start(connection: PeerCluster): ClaimWatch {
    const claims = connection.cluster.informer<NamespaceClaim>(NAMESPACE_CLAIM, {
      namespace: connection.tenantNamespace,
    });
    const watch = { connection, claims };
    const { peer } = connection;
    open.set(peer, watch);
    claims.on((old, current) => {
      const home = (current ?? old)?.spec.homeNamespace;
      if (home !== undefined) changed(home);
    });
    claims.onError((error) => log.debug({ peer, error: messageOf(error) }, 'watch of claims'));
    claims
      .run(AbortSignal.any([connection.signal, signal]))
      .catch((error: unknown) => log.error({ peer, error: messageOf(error) }, 'watch of claims ended'))
      .finally(() => {
        if (open.get(peer) === watch) open.delete(peer);
      });
    return watch;
  }

  return {
    of(peer) {
      const connection = peers.get(peer);
      if (connection === undefined || connection.signal.aborted) return undefined;
      const standing = open.get(peer);
      return standing?.connection === connection ? standing : start(connection);
    },
    list: () => [...open.values()].filter(({ connection }) => !connection.signal.aborted),
  };
}
