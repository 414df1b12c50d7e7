/**
 * Virtual nodes: what makes the grant of a provider look like a Node of this cluster.
 *
 * Two halves. The controller asks providers for grants, removes virtual nodes in order and approves their serving
 * certificates; the kubelet process keeps the Node, its lease and its health, and serves the kubelet endpoint by
 * tunnelling bytes to the provider. Never creates or changes a pod, never decides what a provider grants, and never
 * touches a Node whose providerID is not ours.
 */
export {
  type CertificateNames,
  createCertificateRequest,
  type ReadRequest,
  readCertificateRequest,
} from './certificate/certificate-request.ts';
export {
  KUBELET_SERVING_SIGNER,
  keepServingCertificate,
  requestServingCertificate,
  type ServingCertificate,
  type ServingCertificateOptions,
} from './certificate/serving-certificate.ts';
export { type CsrApproverDeps, csrApprover } from './controller/csr-approver.ts';
export { denyVirtualNodeName } from './controller/deny-virtual-node-name.ts';
export { DEFAULT_RESOURCES, requestedResources } from './controller/grant-plan.ts';
export {
  CONTROLLER_MANAGER,
  type VirtualNodeReconcilerDeps,
  virtualNodeReconciler,
} from './controller/virtual-node-reconciler.ts';
export { NODE_ERRORS, NodeError } from './errors.ts';
export { type Authenticate, authenticator, type User } from './kubelet-api/authenticate.ts';
export { type Access, type Authorize, authorizer } from './kubelet-api/authorize.ts';
export { type ClientAuthorities, clientAuthorities } from './kubelet-api/client-authorities.ts';
export { type KubeletServer, type KubeletServerOptions, kubeletServer } from './kubelet-api/server.ts';
export type { Upstream } from './kubelet-api/upstream.ts';
export { type DesiredNode, desiredNode, type NodeFacts, type Verdict } from './object/desired-node.ts';
export { isOwnNode, isVirtualNode, providerId } from './object/provider-id.ts';
export { KUBELET_MANAGER } from './object/ready-reporter.ts';
export type { PeerCluster, PeerClusters, PodSource } from './peer-cluster.ts';
export { type NetworkHealth, type RunVirtualNodeOptions, runVirtualNode } from './run-virtual-node.ts';
export { type ReplicaShares, type ReplicaSharesOptions, replicaShares } from './shares/replica-shares.ts';
