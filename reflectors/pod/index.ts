/**
 * Pods of a virtual node: each local pod gets one remote pod, and its status comes back.
 *
 * Everything that decides is a pure function of what both API servers hold (`plan.ts`, `to-remote.ts`,
 * `to-local-status.ts`, `why-not-running.ts`), so it may run at any time, twice, and after any crash. Never touches an
 * object that does not carry our labels, never runs a pod again that may have run once, and never reports the address of
 * another network. It does not make nodes, twins or grants.
 */
export type { GrantView, HomeApiView, PodReflectorDeps, RemoteCluster } from './pod-deps.ts';
export { createPodReflector, type PodReflector, type PodSource, runPodReflector } from './pod-reflector.ts';
export { type Refusal, type RefusalReason } from './refusal.ts';
