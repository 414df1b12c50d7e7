import type { Cluster } from '#pkg/kube';

/** A connected provider. Handed in: this package never connects to a peer itself. */
export interface PeerCluster {
  /** Name of the Peer object at home. */
  readonly peer: string;
  /** Namespace at the provider that holds our claims. */
  readonly tenantNamespace: string;
  readonly cluster: Pick<Cluster, 'client' | 'informer'>;
  /** Aborted when the connection is replaced or the peer removed. */
  readonly signal: AbortSignal;
}

/** The connected providers, as they come and go. */
export interface PeerClusters {
  get(peer: string): PeerCluster | undefined;
  /** Told the name of a peer that was connected, replaced or removed. */
  on(handler: (peer: string) => void): Disposable;
}
