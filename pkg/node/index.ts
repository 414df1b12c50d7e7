/**
 * Virtual nodes: what makes the grant of a provider look like a Node of this cluster.
 *
 * Two halves. The controller asks providers for grants, removes virtual nodes in order and approves their serving
 * certificates; the kubelet process keeps the Node, its lease and its health, and serves the kubelet endpoint by
 * tunnelling bytes to the provider. Never creates or changes a pod, never decides what a provider grants, and never
 * touches a Node whose providerID is not ours.
 */
export { type CsrApproverDeps, csrApprover } from './controller/csr-approver.ts';
export { denyVirtualNodeName } from './controller/deny-virtual-node-name.ts';
export { type VirtualNodeReconcilerDeps, virtualNodeReconciler } from './controller/virtual-node-reconciler.ts';
export { NODE_ERRORS, NodeError } from './errors.ts';
export { type Authenticate, authenticator } from './kubelet-api/authenticate.ts';
export { type ClientAuthorities, clientAuthorities } from './kubelet-api/client-authorities.ts';
export type { Verdict } from './object/desired-node.ts';
export type { PeerCluster, PeerClusters, PodSource } from './peer-cluster.ts';
export { type NetworkHealth, type RunVirtualNodeOptions, runVirtualNode } from './run-virtual-node.ts';
export { type ReplicaShares, type ReplicaSharesOptions, replicaShares } from './shares/replica-shares.ts';
