/**
 * Kubernetes: objects of one API server read, watched and written.
 *
 * Our own streaming client, because the stock one stalls the event loop for most of a second on 10,000 pods, stops
 * watching after most errors, and drops fields it does not know (docs/adr/0007-own-kubernetes-client.md). Objects are
 * plain JSON as received. A cluster object owns its connections, credentials and caches; nothing is process-wide. It
 * never knows a kind of ours, never decides anything, and never gives up a watch.
 */
export type {
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  KubeClient,
  ListOptions,
  PatchOptions,
  ReplaceOptions,
  RequestOptions,
} from './client-interface.ts';
export { firstUnsynced, runCaches, startCaches } from './caches.ts';
export { type Cluster, type ConnectOptions, connectCluster } from './cluster.ts';
export type { ClusterConfig, Connector } from './config.ts';
export {
  type Connection,
  type ConnectionWatch,
  type ConnectionWatches,
  connectionWatches,
} from './connection-watches.ts';
export type { ClientCertificate, ClusterAuth, CredentialPlugin, Impersonation } from './credentials.ts';
export { enqueueOn } from './enqueue.ts';
export {
  causeCode,
  errorOfStatus,
  isNotFound,
  KUBE_ERROR_RULES,
  KubeError,
  type KubeErrorCode,
  type KubeErrorFacts,
  type Status,
} from './errors.ts';
export { type EventRecorder, type EventRecorderOptions, eventRecorder } from './event-recorder.ts';
export { inClusterConfig } from './in-cluster.ts';
export type { Informer, InformerHandler, InformerOptions } from './informer-interface.ts';
export { loadKubeconfig } from './kubeconfig.ts';
export { kubeLeaseStore, type LeaseStoreOptions } from './lease-store.ts';
export { type KubeMetrics, kubeMetrics } from './metrics.ts';
export { microTime, secondTime } from './micro-time.ts';
export { type NamespacedInformers, namespacedInformers } from './namespaced-informers.ts';
export { trimNode, withoutHeartbeats } from './node-heartbeats.ts';
export { isInteger, matchesRequirement, type NodeSelectorRequirement } from './node-selector.ts';
export {
  type KubeObject,
  keyOf,
  type ManagedFieldsEntry,
  type ObjectMeta,
  type OwnerReference,
  type PartialObject,
  type Ref,
  splitKey,
} from './object.ts';
export { outsideAddresses } from './outside-addresses.ts';
export { apiVersionOf, collectionPath, defineResource, objectPath, type Resource } from './resource.ts';
export * from './resources.ts';
export type { Answer, Headers, Query } from './transport.ts';
export { identityOf } from './trim.ts';
export type * from './types.ts';
