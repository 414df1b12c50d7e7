import type { HomeApi } from '#network/nat';
import type { ClusterNetwork, Offloading, Peer } from '#pkg/api';
import type { EndpointSlice, Informer, KubeClient, KubeObject, Lease, Node, Pod, Secret } from '#pkg/kube';
import type { Clock, Log } from '#pkg/runtime';
import type { GatewayMetrics } from './metrics.ts';
import type { GatewayPorts } from './plan-gateway.ts';

export interface GatewayDeps {
  readonly client: KubeClient;
  /** Run by the caller. */
  readonly informers: {
    readonly networks: Informer<ClusterNetwork>;
    readonly nodes: Informer<Node>;
    readonly peers: Informer<Peer>;
    /** All of this cluster, trimmed by `trimToAddresses`. */
    readonly pods: Informer<Pod>;
    /** Twin namespaces. */
    readonly namespaces: Informer<KubeObject>;
    /** Which namespaces two peers share. */
    readonly offloadings: Informer<Offloading>;
    /** Slices with the offer label. */
    readonly offers: Informer<EndpointSlice>;
    /** Our Lease, and nothing else. */
    readonly leases: Informer<Lease>;
    /** Replicas of the gateway. */
    readonly replicas: Informer<Pod>;
    /** The Secret of the key, and nothing else. */
    readonly keys: Informer<Secret>;
  };
  readonly keyFile: string;
  readonly podUid: string;
  readonly podAddress: string;
  readonly ports: GatewayPorts & { readonly heartbeat: number };
  /** Where this pod reaches the API of its cluster; undefined where it knows it by a name only. */
  readonly homeApi: HomeApi | undefined;
  readonly implementation: 'auto' | 'kernel' | 'userspace';
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly log: Log;
}
