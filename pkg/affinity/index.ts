/**
 * Service affinity: which endpoints of a Service proxies see, where its owner prefers those of one cluster.
 *
 * Kubernetes' own controller goes on writing every endpoint into its slices. Where some shall not be used, those slices are
 * kept from proxies by the one label that these ask for, and slices of ours stand beside them with what is left. A Service
 * and its selector are never changed, no endpoint is ever said to be ready or not by us, and without us everything is as if
 * nobody preferred anything (docs/adr/0012-service-affinity.md).
 */
export { type AffinityDeps, affinityReconciler, serviceKeyOf } from './affinity-reconciler.ts';
export { type Side, trimToAffinity, wantsAffinity } from './affinity-of.ts';
export { AFFINITY_ERRORS, AffinityError } from './errors.ts';
export { keepHidden } from './keep-hidden.ts';
export { isUnwantedInTwin } from './twin-slices.ts';
