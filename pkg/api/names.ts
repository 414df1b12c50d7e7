/** API group and version of every object of ours. */
export const GROUP = 'tombolo.io';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** Where our own processes and their configuration live, on every cluster. */
export const SYSTEM_NAMESPACE = 'tombolo-system';

/** Labels, annotations, taints and finalizers that users and tests rely on (behaviour/README.md, "Names that tests rely on"). */
export const LABEL = {
  /** On a namespace: offload it with the defaults. */
  offload: 'tombolo.io/offload',
  /** On every twin namespace, twin object, wrapper and remote pod: the consumer it was made for, as the provider calls it. */
  origin: 'tombolo.io/origin',
  /** On wrapper and remote pod: UID of the local pod. */
  podUid: 'tombolo.io/pod-uid',
  /** On wrapper and remote pod: the grant that pays for it, which is the name of the virtual node. */
  grant: 'tombolo.io/grant',
  /** On a virtual node, and on objects of ours that belong to one peer. */
  peer: 'tombolo.io/peer',
  /** On a DaemonSet: it may use virtual nodes although its namespace is not offloaded. */
  allowVirtual: 'tombolo.io/allow-virtual',
  /** On a twin namespace, set by the provider's admin: keep it when offloading ends. */
  retain: 'tombolo.io/retain',
  /** On the controller pod that leads; the quota webhook's Service selects by it. */
  leader: 'tombolo.io/leader',
  /** On a Service, set by the provider: which peers may reach it (`isolation` of the network). */
  offer: 'tombolo.io/offer',
  component: 'tombolo.io/component',
  /** On an EndpointSlice of a consumer in a twin: the Service that its endpoints, at home, are of. */
  serviceName: 'tombolo.io/service-name',
  /** On such an EndpointSlice: the Service has no cluster address. */
  headless: 'tombolo.io/headless',
  /** On the twin of a Service: which endpoints its owner prefers (annotation of the same name at home). */
  serviceAffinity: 'tombolo.io/service-affinity',
} as const;

export const ANNOTATION = {
  podStrategy: 'tombolo.io/pod-strategy',
  apiAccess: 'tombolo.io/api-access',
  remoteServiceAccount: 'tombolo.io/remote-service-account',
  remoteRuntimeClass: 'tombolo.io/remote-runtime-class',
  remoteSpread: 'tombolo.io/remote-spread',
  reflect: 'tombolo.io/reflect',
  /** On a Service of an offloaded namespace: `local`, `remote` or `none`. */
  serviceAffinity: 'tombolo.io/service-affinity',
  keepNodePort: 'tombolo.io/keep-node-port',
  remoteStorageClass: 'tombolo.io/remote-storage-class',
  /** On a twin namespace: the namespace at home that it mirrors. */
  homeNamespace: 'tombolo.io/home-namespace',
  /** On twin objects: name of the object at home, where the twin has another one. */
  homeName: 'tombolo.io/home-name',
  /** On a Peer that is being deleted: clean this side without asking the other (`tombolo unpeer --force`). */
  forceUnpeer: 'tombolo.io/force-unpeer',
  /** On a Node: its address in the anchor range, by which peers know its host. */
  anchorAddress: 'tombolo.io/anchor-address',
  /** On the lease of the gateway: where the replica that forwards takes outer packets. */
  gatewayAddress: 'tombolo.io/gateway-address',
  /** On the lease of the gateway: node of that replica, and number there of the link of its pod, as `NODE/NUMBER`. */
  gatewayLink: 'tombolo.io/gateway-link',
  /** On the lease of the gateway: bytes of the largest packet from pod to gateway. */
  overlayMtu: 'tombolo.io/overlay-mtu',
  /** On the ClusterNetwork: each new value asks for a new key of the gateway. */
  rotateGatewayKey: 'tombolo.io/rotate-gateway-key',
  /** On the Secret of the gateway's key: the value that the last rotation was for. */
  rotatedFor: 'tombolo.io/rotated-for',
  /** On that Secret: when the next key was made. */
  nextKeySince: 'tombolo.io/next-key-since',
  /** On an EndpointSlice made from one of a consumer: how many of its endpoints have no address here. */
  leftOut: 'tombolo.io/left-out',
  /** On a wrapper: touched when room or policy changed, so that the ReplicaSet controller tries again. */
  retry: 'tombolo.io/retry',
} as const;

export const TAINT = { virtualNode: 'tombolo.io/virtual-node', grantCordoned: 'tombolo.io/grant-cordoned' } as const;

export const FINALIZER = {
  peering: 'tombolo.io/peering',
  offloading: 'tombolo.io/offloading',
  virtualNode: 'tombolo.io/virtual-node',
  twin: 'tombolo.io/twin',
  /** On a bare remote pod: its end was not read by the consumer yet (POD-23). */
  verdict: 'tombolo.io/verdict',
} as const;

/** Condition types that we put on Node and Pod objects. */
export const CONDITION = {
  providerCapacity: 'tombolo.io/ProviderCapacity',
  offloaded: 'tombolo.io/Offloaded',
  /** On a real Node, only while our agent there cannot connect it to peers. */
  networkUnavailable: 'tombolo.io/NetworkUnavailable',
} as const;

/** Labels of every object and value that the chart and the controllers agree on. */
export const NAME = {
  clusterConfigMap: 'tombolo-cluster',
  identitySecret: 'tombolo-identity',
  webhookCertificates: 'tombolo-webhook-certs',
  webhookConfiguration: 'tombolo',
  peeringService: 'tombolo-peering',
  webhookService: 'tombolo-webhook',
  quotaService: 'tombolo-quota',
  leaderLease: 'tombolo-controller',
  gatewayLease: 'tombolo-gateway',
  gatewayService: 'tombolo-gateway',
  gatewayKeySecret: 'tombolo-gateway-key',
  controllerAccount: 'tombolo-controller',
  kubeletAccount: 'tombolo-kubelet',
  twinClusterRole: 'tombolo-twin',
  twinOwner: 'tombolo-twin',
  /** ConfigMap in a tenant namespace: how pods ended that went before their consumer was back, by UID of the local pod. */
  verdicts: 'tombolo-verdicts',
  tenantAccount: 'tenant',
  tenantRole: 'tombolo-tenant',
  reflectionClusterRole: 'tombolo-reflection',
  offloading: 'offloading',
  link: 'link',
  clusterNetwork: 'cluster',
  discovery: 'cluster',
} as const;

/** Tenant namespace on a provider of the consumer that it calls `consumer`. */
export function tenantNamespace(consumer: string): string {
  return `tombolo-tenant-${consumer}`;
}
