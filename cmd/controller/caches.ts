import { serviceKeyOf, trimToAffinity, wantsAffinity } from '#pkg/affinity';
import {
  AFFINITY_MANAGER,
  CLUSTER_NETWORK,
  type ClusterNetwork,
  DISCOVERED_CLUSTER,
  type DiscoveredCluster,
  DISCOVERY,
  type Discovery,
  GRANT,
  type Grant,
  INVITE,
  type Invite,
  LABEL,
  LINK,
  type Link,
  NAME,
  NAMESPACE_CLAIM,
  type NamespaceClaim,
  OFFLOADING,
  type Offloading,
  PEER,
  type Peer,
  PEERING_REQUEST,
  PEERING_RULE,
  type PeeringRequest,
  type PeeringRule,
  SYSTEM_NAMESPACE,
  VIRTUAL_NODE,
  type VirtualNode,
} from '#pkg/api';
import {
  type Cluster,
  CSR,
  ENDPOINT_SLICE,
  type EndpointSlice,
  LEASE,
  NAMESPACE,
  NETWORK_POLICY,
  NODE,
  POD,
  SECRET,
  SERVICE,
  trimNode,
} from '#pkg/kube';
import { HELD_IN, heldIn } from '#pkg/offloading';
import { PEER_INDEXES, PEER_SECRETS_SELECTOR } from '#pkg/peering';
import { trimToDemand } from '#pkg/quota';
import { SLICE_MANAGER } from '#pkg/slices';

/** What every replica needs for the webhooks and the peering endpoint. */
export function replicaCaches(home: Cluster) {
  return {
    peers: home.informer<Peer>(PEER, { indexes: PEER_INDEXES }),
    namespaces: home.informer(NAMESPACE),
    offloadings: home.informer<Offloading>(OFFLOADING),
    virtualNodes: home.informer<VirtualNode>(VIRTUAL_NODE),
    requests: home.informer<PeeringRequest>(PEERING_REQUEST, { namespace: SYSTEM_NAMESPACE }),
  };
}

export type ReplicaCaches = ReturnType<typeof replicaCaches>;

const BY_SERVICE = { service: (slice: EndpointSlice) => [serviceKeyOf(slice) ?? ''] };

/** What only the leader reads: opened when it begins to lead, so that what it counts is from after the old leader's end. */
export function leaderCaches(home: Cluster, systemNamespace: string) {
  return {
    secrets: home.informer(SECRET, { namespace: systemNamespace, labelSelector: PEER_SECRETS_SELECTOR }),
    grants: home.informer<Grant>(GRANT),
    claims: home.informer<NamespaceClaim>(NAMESPACE_CLAIM),
    networks: home.informer<ClusterNetwork>(CLUSTER_NETWORK),
    links: home.informer<Link>(LINK),
    gatewayLeases: home.informer(LEASE, {
      namespace: systemNamespace,
      fieldSelector: `metadata.name=${NAME.gatewayLease}`,
    }),
    rawSlices: home.informer(ENDPOINT_SLICE, {
      labelSelector: LABEL.serviceName,
      indexes: { service: ({ metadata }) => [`${metadata.namespace}/${metadata.labels?.[LABEL.serviceName]}`] },
    }),
    renderedSlices: home.informer(ENDPOINT_SLICE, {
      labelSelector: `endpointslice.kubernetes.io/managed-by=${SLICE_MANAGER}`,
      indexes: BY_SERVICE,
    }),
    /** Few: only of Services with an affinity. */
    standIns: home.informer(ENDPOINT_SLICE, {
      labelSelector: `endpointslice.kubernetes.io/managed-by=${AFFINITY_MANAGER}`,
      indexes: BY_SERVICE,
    }),
    services: home.informer(SERVICE, {
      transform: trimToAffinity,
      indexes: { affinity: (service) => (wantsAffinity(service) ? ['wanted'] : []) },
    }),
    rules: home.informer<PeeringRule>(PEERING_RULE),
    offered: home.informer(SERVICE, { labelSelector: LABEL.offer }),
    policies: home.informer(NETWORK_POLICY, { labelSelector: 'app.kubernetes.io/managed-by=tombolo' }),
    invites: home.informer<Invite>(INVITE, { namespace: systemNamespace }),
    nodes: home.informer(NODE, { transform: trimNode }),
    pods: home.informer(POD, { transform: trimToDemand, indexes: { [HELD_IN]: heldIn } }),
    certificateRequests: home.informer(CSR),
    discovered: home.informer<DiscoveredCluster>(DISCOVERED_CLUSTER),
    discoveries: home.informer<Discovery>(DISCOVERY),
    apiSlices: home.informer(ENDPOINT_SLICE, {
      namespace: 'default',
      labelSelector: 'kubernetes.io/service-name=kubernetes',
    }),
    kubeletPods: home.informer(POD, { namespace: systemNamespace, labelSelector: 'tombolo.io/component=kubelet' }),
  };
}

export type LeaderCaches = ReturnType<typeof leaderCaches>;
