import type { ApiAccess, Placement, ResourceList } from '#pkg/api';
import type { Cluster, EventRecorder } from '#pkg/kube';
import type { Clock, Log } from '#pkg/runtime';
import type { TwinTable } from '#reflectors/framework';

/** What the provider grants to one virtual node, as last reported. */
export interface GrantView {
  /** Absent while nothing was granted yet: the provider alone decides then. */
  readonly granted?: ResourceList | undefined;
  /** New pods are refused; those admitted before go on. */
  readonly cordoned?: boolean | undefined;
}

/** Where pods at the provider reach the API of this cluster. */
export interface HomeApiView {
  /** Undefined while no tunnel leads there. */
  readonly address: string | undefined;
  /** Whether an address is to come, if there is none: a pod waits for it a moment, since it cannot learn it later. */
  readonly isExpected: boolean;
  /** False where the peering has no tunnel and shall have none: pods that ask for that API are refused (NET-37). */
  readonly isPossible: boolean;
}

/** The provider, as far as pods need it. Structurally a `PeerCluster` of `#pkg/peering`. */
export interface RemoteCluster {
  /** Name of the peer here: for sentences. */
  readonly peer: string;
  /** Our name there: value of `tombolo.io/origin`. */
  readonly origin: string;
  readonly cluster: Cluster;
}

export interface PodReflectorDeps {
  readonly home: Cluster;
  readonly remote: RemoteCluster;
  /** The virtual node; also the name of its grant. */
  readonly nodeName: string;
  /** Address of the virtual node for `hostIP`; empty while it has none. */
  readonly nodeAddress: () => string;
  /** Complete before `run` is called. */
  readonly twins: TwinTable;
  readonly placement: () => Placement;
  readonly grant: () => GrantView;
  /** Keys of resources that others have put onto the Node (POD-10). Default none. */
  readonly foreignResources?: (() => readonly string[]) | undefined;
  /** Address here of an address of the provider; undefined while the network does not exist. */
  readonly translate: (address: string) => string | undefined;
  /** `handler` runs after answers of `translate` may have changed. Default: they never do. */
  readonly onTranslation?: ((handler: () => void) => Disposable) | undefined;
  /** Which API pods of that namespace at home talk to where they do not say. Default `home`. */
  readonly apiAccess?: ((homeNamespace: string) => ApiAccess | undefined) | undefined;
  /** The API of home as pods at the provider see it. Default: no tunnel leads there. */
  readonly homeApi?: (() => HomeApiView) | undefined;
  /** Prefixes of labels and annotations that policies keep in that namespace at home. Default none. */
  readonly denyPrefixes?: ((homeNamespace: string) => readonly string[]) | undefined;
  /** `handler` runs after answers of `denyPrefixes` may have changed. Default: they never do. */
  readonly onDenyChange?: ((handler: () => void) => Disposable) | undefined;
  /** Run by whoever made it. */
  readonly events: Pick<EventRecorder, 'event'>;
  readonly clock: Clock;
  /** Spreads renewals of tokens; default `Math.random`. */
  readonly random?: (() => number) | undefined;
  readonly log: Log;
  /** Whether the virtual node is Ready: its pods cannot be otherwise. */
  readonly isReady: () => boolean;
  /** `handler` runs after `isReady()` has changed. */
  readonly onReadyChange: (handler: () => void) => Disposable;
  /** `handler` runs after `grant()` has changed. Default: looked at every 15 s. */
  readonly onGrantChange?: ((handler: () => void) => Disposable) | undefined;
}
