import { NAMESPACE_CLAIM, type NamespaceClaim } from '#pkg/api';
import { type ConnectionWatch, type ConnectionWatches, connectionWatches } from '#pkg/kube';
import type { Log } from '#pkg/runtime';
import type { PeerCluster, PeerClusters } from '../peer-clusters.ts';

/** Our claims at every connected provider, one watch each, in its tenant namespace. */
export type ClaimWatches = ConnectionWatches<PeerCluster, NamespaceClaim>;
export type ClaimWatch = ConnectionWatch<PeerCluster, NamespaceClaim>;

/**
 * @param changed told the home namespace of each claim that appears, changes or goes, also at the first reading: so claims
 *   that were left behind while the peer was away are found (REF-13)
 */
export function claimWatches(
  connections: Pick<PeerClusters, 'get'>,
  changed: (homeNamespace: string) => void,
  { signal, log }: { signal: AbortSignal; log: Log },
): ClaimWatches {
  return connectionWatches<PeerCluster, NamespaceClaim>({
    connections,
    open: ({ cluster, tenantNamespace }) => cluster.informer(NAMESPACE_CLAIM, { namespace: tenantNamespace }),
    changed: (_, claim) => changed(claim.spec.homeNamespace),
    what: 'claims',
    signal,
    log,
  });
}
