/**
 * Offloading: which namespaces of this cluster also run elsewhere, and the twins of other clusters' namespaces here.
 *
 * Holds both sides of it (Offloading and claims at home, twin namespaces at the provider) and the admission webhooks that
 * open offloaded namespaces to virtual nodes. Never connects to a peer by itself, never moves a pod that exists when its
 * namespace is offloaded, and never changes a namespace that it did not make, except for the offload label.
 */
export { admitDaemonSet } from './admission/daemon-set-admission.ts';
export { type AdmissionDeps, admissionHandlers, WEBHOOK_PATHS } from './admission/handlers.ts';
export { admitOffloading } from './admission/offloading-admission.ts';
export { admitPod } from './admission/pod-admission.ts';
export type { AdmissionHandler, AdmissionRequest, AdmissionResponse, JsonPatchStep } from './admission/review.ts';
export { type ClaimWatch, type ClaimWatches, claimWatches } from './consumer/claim-watches.ts';
export type { OffloadingDeps } from './consumer/offloading-deps.ts';
export { offloadingReconciler } from './consumer/offloading-reconciler.ts';
export { claimFor, type PeerClaims, peerClaims } from './consumer/peer-claims.ts';
export { runOffloadings, type RunOffloadingsDeps } from './consumer/run-offloadings.ts';
export { OFFLOADING_ERRORS, OffloadingError } from './errors.ts';
export type { PeerCluster, PeerClusters } from './peer-clusters.ts';
export { type NamespaceClaimDeps, namespaceClaimReconciler } from './provider/namespace-claim-reconciler.ts';
export type { TwinOptions } from './provider/provision-twin.ts';
export { runNamespaceClaims, type RunNamespaceClaimsDeps } from './provider/run-namespace-claims.ts';
export { TWIN } from './provider/twin-objects.ts';
export { HELD_IN, heldIn, verdictKeeper } from './provider/verdict-keeper.ts';
export { hasOffloadLabel, whyReserved } from './reserved.ts';
export { defaultTwinName, twinName } from './provider/twin-name.ts';
export { type AdmissionServer, serveAdmission, type ServeAdmissionOptions } from './server/serve-admission.ts';
export {
  type WebhookCertificates,
  type WebhookCertificatesOptions,
  webhookCertificates,
} from './server/webhook-certificates.ts';
