import type { PodSpec } from './pod-types.ts';

/** Labels that controllers put on single pods or revisions; a selector with one of them would not find the siblings. */
const CONTROLLER_LABELS = new Set([
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'batch.kubernetes.io/job-completion-index',
]);

type PodAntiAffinity = NonNullable<NonNullable<PodSpec['affinity']>['podAntiAffinity']>;

/**
 * `tombolo.io/remote-spread` as an anti-affinity among the replicas over the provider's hosts (POD-09).
 * @param labels the pod's own labels; those that tell replicas apart are left out of the selector
 */
export function spreadOverHosts(mode: 'soft' | 'hard', labels: Record<string, string>): PodAntiAffinity {
  const matchLabels = Object.fromEntries(Object.entries(labels).filter(([key]) => !CONTROLLER_LABELS.has(key)));
  const term = { labelSelector: { matchLabels }, topologyKey: 'kubernetes.io/hostname' };
  return mode === 'hard'
    ? { requiredDuringSchedulingIgnoredDuringExecution: [term] }
    : { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term }] };
}
