/**
 * How two clusters come to trust each other, and how they part.
 *
 * Every cluster has one Ed25519 key, and its fingerprint is who it is. An invite opens the door once; behind it a consumer
 * gets a tenant on the provider and a token that lives for an hour, and everything else goes through the provider's own
 * API server with that account. This package makes and ends that trust and keeps the connections; it never looks at
 * pods, namespaces of users or the network, and never sends anything to a key that is not pinned.
 */
export { askByRuleReconciler } from './approval/ask-by-rule.ts';
export { comparisonOf } from './approval/comparison.ts';
export { knownRequests } from './approval/known-requests.ts';
export { requestReconciler } from './approval/request-reconciler.ts';
export { requestRef, stateOf as requestStateOf } from './approval/request-state.ts';
export { rulesOf } from './approval/rules.ts';
export { clusterInfoOf, readClusterInfo, type ClusterInfo } from './cluster-info/cluster-info.ts';
export { publishClusterInfo, type PublishClusterInfoDeps } from './cluster-info/publish.ts';
export {
  createInvite,
  type CreatedInvite,
  type CreateInviteOptions,
  listInvites,
  revokeInvite,
} from './command/create-invite.ts';
export { decideRequest, listRequests, type RequestDecision } from './command/decide-request.ts';
export { endPeering, type EndPeeringOptions, type EndProgress, waitForEnd } from './command/end-peering.ts';
export {
  type ClusterEnd,
  peeringFromKubeconfigs,
  type PeeringFromKubeconfigsOptions,
} from './command/peering-from-kubeconfigs.ts';
export type { PeeringTarget, StartedPeering } from './command/check-wish.ts';
export { requestPeering } from './command/request-peering.ts';
export { startPeering, type StartPeeringOptions } from './command/start-peering.ts';
export { abandonPeering, type PeeringProgress, waitForPeering } from './command/wait-for-peering.ts';
export { hasEnded as requestHasEnded } from './consumer/await-approval.ts';
export { PEER_SECRETS_SELECTOR } from './consumer/peer-credentials.ts';
export { isPeeringError, type PeeringCode, PeeringError } from './errors.ts';
export { type Fingerprint, parseFingerprint, shortFingerprint } from './identity/fingerprint.ts';
export type { Identity } from './identity/identity.ts';
export { loadIdentity, loadOrCreateIdentity } from './identity/identity-secret.ts';
export { inviteReconciler } from './invite/invite-reconciler.ts';
export { type InviteToken, mintInvite, parseInvite } from './invite/token.ts';
export { checkPeerName } from './names.ts';
export { type PeerCluster, type PeerClusters, peerClusters, type PeerClustersDeps } from './peer-clusters.ts';
export { peerReconciler, type PeerReconcilerDeps, peerTriggers } from './peer-reconciler.ts';
export { knownPeers, type KnownPeers, PEER_INDEXES } from './peer-view.ts';
export { contactRecorder } from './provider/contact.ts';
export type { ProviderOptions } from './provider/options.ts';
export { peeringApp, type PeeringAppDeps } from './server/app.ts';
export { type PeeringServer, servePeering, type ServePeeringDeps, type ServePeeringOptions } from './server/serve.ts';
