/**
 * Grants: what this provider lends to each consumer, and the counting that enforces it.
 *
 * `decideGrant` is arithmetic; the ledger counts in memory and is the one writer; the webhook decides on every pod of a
 * twin. Never trusts a number that a consumer wrote beyond its request, and stores nothing per pod.
 */
export { type Counting, type CountingDeps, countPods } from './count-pods.ts';
export { decideGrant, DEFAULT_REQUEST, type GrantDecision, type GrantFacts } from './decide-grant.ts';
export { type GrantDeps, grantReconciler } from './grant-reconciler.ts';
export { Ledger } from './ledger.ts';
export { trimToDemand } from './pod-view.ts';
export { type QuotaDeps, type QuotaRequest, type QuotaVerdict, quotaWebhook } from './quota-webhook.ts';
