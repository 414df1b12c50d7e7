import type { Pod } from '#pkg/kube';
import { type ContainerStatus, conditionOf, isTerminal, isTerminating } from './pod-types.ts';

/**
 * How a bare remote pod has ended; undefined while it has not.
 * - `verdict`: the kubelet there has said how, or has refused the pod;
 * - `unstarted`: it was deleted there, and none of its containers ever ran, so it may be made again;
 * - `lost`: it is gone, and nobody can say how (POD-24).
 */
export type RemoteEnd = 'verdict' | 'unstarted' | 'lost';

/**
 * Deleted, and over for the API server, which sets the grace period to 0 when the kubelet has confirmed the end, when the
 * pod was never placed or had ended before, and when the deletion is forced. Only a finalizer keeps the object.
 */
export function isHeld({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;
}

/** Pure. For pods that run once; others are made again anyhow. */
export function endOf(remote: Pod): RemoteEnd | undefined {
  if (!isTerminal(remote)) {
    if (!isHeld(remote)) return undefined;
    // Without a node no kubelet has seen it. With one, its last status may be older than its end.
    return remote.spec?.nodeName === undefined ? 'unstarted' : 'lost';
  }
  if (!isWordOfKubelet(remote) || wasKilledByForce(remote)) return 'lost';
  return isTerminating(remote) && remote.status?.reason === undefined && !containers(remote).some(everRan)
    ? 'unstarted'
    : 'verdict';
}

/**
 * Whether the pod ran when it was deleted there, and ended because of that. Kubelets give no reason for such an end. Times
 * are whole seconds: what ended within the second of the deletion ended by itself.
 */
export function wasInterrupted(remote: Pod): boolean {
  return interrupted(remote).length > 0;
}

/** Containers that ended after the pod was deleted. */
function interrupted(remote: Pod): readonly ContainerStatus[] {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = remote.metadata;
  if (deletionTimestamp === undefined) return [];
  const deletedAtMs = Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
  return containers(remote).filter(({ state }) => Date.parse(state?.terminated?.finishedAt ?? '') > deletedAtMs);
}

/**
 * Whether a forced deletion, or that of its twin, ended it: whether we see it before or after the signal has worked may make
 * no difference (POD-24). Where a container has told more than the signal its word counts, so that clocks which differ
 * cost no verdict. An orderly deletion is dated anew by the kubelet that confirms it, so nothing ends after that.
 */
function wasKilledByForce(remote: Pod): boolean {
  if (remote.status?.phase !== 'Failed' || !isHeld(remote)) return false;
  const killed = interrupted(remote);
  return killed.length > 0 && killed.every(({ state }) => isKill(state?.terminated));
}

/** 128 + number of the signal: how kubelets report it. */
function isKill(ended: { exitCode: number; reason?: string } | undefined): boolean {
  return ended !== undefined && ended.exitCode > 128 && ended.reason === 'Error';
}

/** A kubelet ends no pod before its containers; the collector of lost nodes' pods does, and knows nothing of them. */
function isWordOfKubelet(remote: Pod): boolean {
  if (containers(remote).some(({ state }) => state?.running !== undefined)) return false;
  return conditionOf(remote, 'DisruptionTarget')?.reason !== 'DeletionByPodGC';
}

/** Containers that the kubelet did not find at the end have an exit code too, but no start. */
function everRan({ state, lastState, restartCount }: ContainerStatus): boolean {
  return (
    restartCount > 0 ||
    state?.running !== undefined ||
    [state?.terminated, lastState?.terminated].some((ended) => (ended?.startedAt ?? null) !== null)
  );
}

function containers({ status }: Pod): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}
