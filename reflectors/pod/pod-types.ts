/** Parts of the Pod type under short names. The shapes are Kubernetes' own; unknown fields travel through them. */
import type { ObjectMeta, Pod } from '#pkg/kube';

export type PodSpec = NonNullable<Pod['spec']>;
export type PodStatus = NonNullable<Pod['status']>;
export type Container = PodSpec['containers'][number];
export type Volume = NonNullable<PodSpec['volumes']>[number];
export type Toleration = NonNullable<PodSpec['tolerations']>[number];
export type ContainerStatus = NonNullable<PodStatus['containerStatuses']>[number];
export type PodCondition = NonNullable<PodStatus['conditions']>[number];

/** Succeeded or Failed: the verdict on a pod. A local verdict is never changed again (POD-22). */
export function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export function isTerminating(object: { metadata: Pick<ObjectMeta, 'deletionTimestamp'> }): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/**
 * Whether a container of the pod has run, going by what its status shows. Waiting containers with a back-off have run
 * before: that shows in `lastState` or in the count.
 */
export function hasRun(pod: Pod): boolean {
  const { containerStatuses = [], initContainerStatuses = [], phase } = pod.status ?? {};
  if (phase !== undefined && phase !== 'Pending') return true;
  return [...containerStatuses, ...initContainerStatuses].some(
    ({ state, lastState, restartCount }) =>
      state?.running !== undefined ||
      state?.terminated !== undefined ||
      lastState?.terminated !== undefined ||
      restartCount > 0,
  );
}

/**
 * Whether the pod may have run: a kubelet at the provider has taken it (`startTime`), so the last status that reached us
 * may be older than what happened there.
 */
export function mayHaveRun(pod: Pod): boolean {
  return pod.status?.startTime !== undefined || hasRun(pod);
}

export function conditionOf(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

/** A copy of `object` without `keys`. Keeps fields that the type does not know. */
export function omit<T extends object, K extends keyof T>(object: T, keys: readonly K[]): Omit<T, K> {
  const dropped = new Set<PropertyKey>(keys);
  return Object.fromEntries(Object.entries(object).filter(([key]) => !dropped.has(key))) as unknown as Omit<T, K>;
}
