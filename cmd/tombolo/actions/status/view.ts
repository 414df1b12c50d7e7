import type { NetworkMode, PeerTunnel } from '#pkg/api';

/** What `tombolo status -o json` prints. Keys are stable. */
export interface StatusView {
  /** Everything below is good, and was verified lately. */
  readonly healthy: boolean;
  /** One sentence for each thing that is not. */
  readonly problems: readonly string[];
  readonly cluster: {
    readonly name: string;
    readonly kubernetesVersion: string;
    readonly peeringAddresses: readonly string[];
    readonly fingerprint?: string;
    readonly version?: string;
    readonly apiServer?: string;
  };
  readonly processes: readonly { readonly name: string; readonly ready: boolean; readonly message: string }[];
  readonly peers: readonly PeerView[];
  readonly offloadings: readonly {
    readonly namespace: string;
    readonly strategy: string;
    readonly summary: string;
    readonly peers: readonly (Omit<TwinView, 'namespace'> & { readonly peer: string })[];
  }[];
}

export interface PeerView {
  readonly name: string;
  readonly healthy: boolean;
  readonly problems: readonly string[];
  readonly phase: string;
  /** Directions that are wanted, and those that stand. */
  readonly wanted: readonly string[];
  readonly roles: readonly string[];
  readonly conditions: readonly ConditionView[];
  readonly virtualNodes: readonly VirtualNodeView[];
  /** Namespaces of this cluster that are offloaded there. */
  readonly twins: readonly TwinView[];
  /** What this cluster lends to the peer. */
  readonly grants: readonly GrantView[];
  readonly lentNamespaces: readonly LentNamespaceView[];
  readonly step?: string;
  readonly clusterName?: string;
  readonly fingerprint?: string;
  readonly nameThere?: string;
  readonly apiServer?: string;
  readonly apiPath?: string;
  readonly roundTripMilliseconds?: number;
  /** Between the gateways of both clusters. */
  readonly tunnel?: PeerTunnel;
  /** `None`: there is no tunnel, and none is missed. */
  readonly networkMode?: NetworkMode;
  readonly version?: string;
  readonly kubernetesVersion?: string;
  readonly credentialExpiresAt?: string;
  readonly lastVerifiedAt?: string;
}

export interface ConditionView {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

type Amounts = Record<string, string>;

export interface VirtualNodeView {
  readonly name: string;
  readonly node: string;
  readonly ready: boolean;
  readonly message: string;
  readonly cordoned: boolean;
  readonly conditions: readonly ConditionView[];
  readonly granted?: Amounts;
  readonly used?: Amounts;
  readonly free?: Amounts;
  /** Resources that were asked for and that the provider lacks. */
  readonly missing: readonly string[];
}

export interface TwinView {
  readonly namespace: string;
  readonly twin?: string;
  readonly state: string;
  readonly reason: string;
  readonly message: string;
}

export interface GrantView {
  readonly name: string;
  readonly cordoned: boolean;
  readonly granted?: Amounts;
  readonly used?: Amounts;
}

export interface LentNamespaceView {
  readonly homeNamespace: string;
  readonly twin?: string;
  readonly state: string;
  readonly reason?: string;
  readonly message?: string;
}
