/**
 * The objects of Tombolo: schemas, types, names.
 *
 * Every kind is written once with zod; CRDs are generated from it (`npm run generate`) and types inferred. Knows no
 * client and no cluster: it never reads or writes an object, and never validates what an API server has stored.
 */
export {
  CLUSTER_NETWORK,
  type ClusterNetwork,
  type ClusterNetworkSpec,
  type ClusterNetworkStatus,
} from './cluster-network.ts';
export { type ConditionUpdate, getCondition, isConditionTrue, setCondition } from './condition.ts';
export {
  DISCOVERED_CLUSTER,
  type DiscoveredCluster,
  type DiscoveredClusterSpec,
  type DiscoveredClusterStatus,
  discoveredClusterName,
  type DiscoverySourceName,
  MAX_DISCOVERED_ADDRESSES,
  MAX_DISCOVERED_LABELS,
} from './discovered-cluster.ts';
export {
  DISCOVERY,
  type Discovery,
  type DiscoverySourceState,
  type DiscoverySpec,
  type DiscoveryStatus,
} from './discovery.ts';
export { GRANT, type Grant, type GrantSpec, type GrantStatus, type Placement } from './grant.ts';
export { INVITE, type Invite, type InviteSpec, type InviteStatus } from './invite.ts';
export { LINK, type Link } from './link.ts';
export {
  ANNOTATION,
  API_VERSION,
  CONDITION,
  FINALIZER,
  GROUP,
  LABEL,
  NAME,
  SYSTEM_NAMESPACE,
  TAINT,
  tenantNamespace,
  VERSION,
} from './names.ts';
export {
  NAMESPACE_CLAIM,
  type NamespaceClaim,
  type NamespaceClaimSpec,
  type NamespaceClaimStatus,
} from './namespace-claim.ts';
export {
  type Announcement,
  MAX_HOPS,
  MAX_RANGES,
  type NetworkMode,
  type RangeAlias,
  type TransitRange,
} from './network-schemas.ts';
export { NO_OFFERS, type Offers, offerAnnotations, offers } from './offers.ts';
export {
  type ApiAccess,
  apiAccess,
  OFFLOADING,
  type Offloading,
  type OffloadingPeerState,
  type OffloadingSpec,
  type OffloadingStatus,
  type PodStrategy,
  podStrategy,
} from './offloading.ts';
export {
  type ApiMode,
  PEER,
  type Peer,
  type PeerNetwork,
  type PeerSpec,
  type PeerStatus,
  type PeerTunnel,
  type Unreachable,
  peerName,
  type Role,
} from './peer.ts';
export {
  PEERING_REQUEST,
  type PeeringRequest,
  type PeeringRequestSpec,
  type PeeringRequestStatus,
} from './peering-request.ts';
export { PEERING_RULE, type PeeringRule, type PeeringRuleSpec } from './peering-rule.ts';
export { REFLECTION_POLICY, type ReflectionPolicy, type ReflectionPolicySpec } from './reflection-policy.ts';
export { type KindDefinition, type ObjectMeta, type TomboloObject, typeMeta } from './resource.ts';
export { type Condition, type ResourceList, type SelectorTerm } from './shared-schemas.ts';
export {
  AFFINITY_MANAGER,
  HEADLESS,
  HIDDEN,
  SERVICE_AFFINITIES,
  type ServiceAffinity,
  serviceAffinity,
} from './service-affinity.ts';
export { shortFingerprint } from './short-fingerprint.ts';
export { VIRTUAL_NODE, type VirtualNode, type VirtualNodeSpec, type VirtualNodeStatus } from './virtual-node.ts';
