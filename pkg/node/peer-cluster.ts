import type { Cluster, Pod } from '#pkg/kube';

/** A connected provider. Handed in: this package never connects to a peer itself. */
export interface PeerCluster {
  /** Name of the Peer object at home. */
  readonly peer: string;
  /** What the provider calls this cluster. */
  readonly origin: string;
  /** Namespace at the provider that holds the Grants made for this cluster. */
  readonly tenantNamespace: string;
  readonly cluster: Cluster;
  /** Aborted when the connection is replaced or the peer removed. */
  readonly signal: AbortSignal;
}

/** The connected providers, as they come and go. */
export interface PeerClusters {
  get(peer: string): PeerCluster | undefined;
  /** Told the name of a peer that was connected, replaced or removed. */
  on(handler: (peer: string) => void): Disposable;
}

/** The pods of one virtual node and where each of them runs. Implemented by the pod reflector. */
export interface PodSource {
  list(): Pod[];
  /** @param key `namespace/name` at home */
  get(key: string): Pod | undefined;
  /** The remote pod of the home pod `key`; undefined while there is none. */
  remote(key: string): { namespace: string; name: string } | undefined;
}
