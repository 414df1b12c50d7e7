import type { Pod } from '#pkg/kube';

/** What becomes of the pods of a namespace on virtual nodes that stop serving it (REF-03). */
export interface EndingPlan {
  /** Managed by a controller: evicted, so that PodDisruptionBudgets hold and it is made again elsewhere. */
  readonly evict: readonly Pod[];
  /** Bare and started: nobody would make it again, and it must not run twice. */
  readonly fail: readonly Pod[];
  /** Being deleted already. */
  readonly leaving: readonly Pod[];
}

export interface EndingOptions {
  /** Whether a node of that name is a virtual node that stops serving the namespace. */
  readonly isEnding: (nodeName: string) => boolean;
  /**
   * Pods made later are not touched: made without the label they can only have chosen the virtual node themselves, and
   * made after a new label they belong to the next offloading (REF-04). Undefined: all count.
   */
  readonly madeBefore?: Date | undefined;
}

/**
 * Pure. Finished pods keep their verdict and are in no list; so are bare ones that never started, which stay Pending, and
 * pods of a DaemonSet that never started, since a new one would come to the same node at once.
 */
export function planEnding(pods: readonly Pod[], options: EndingOptions): EndingPlan {
  const evict: Pod[] = [];
  const fail: Pod[] = [];
  const leaving: Pod[] = [];
  for (const pod of pods) {
    if (!isConcerned(pod, options)) continue;
    if (pod.metadata.deletionTimestamp !== undefined) leaving.push(pod);
    else if (isFinished(pod)) continue;
    else if (controllerKind(pod) === undefined) {
      if (hasStarted(pod)) fail.push(pod);
    } else if (controllerKind(pod) !== 'DaemonSet' || hasStarted(pod)) evict.push(pod);
  }
  return { evict, fail, leaving };
}

function isConcerned(pod: Pod, { isEnding, madeBefore }: EndingOptions): boolean {
  const node = pod.spec?.nodeName;
  if (node === undefined || node === '' || !isEnding(node)) return false;
  return madeBefore === undefined || Date.parse(pod.metadata.creationTimestamp ?? '') <= madeBefore.getTime();
}

function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

function controllerKind(pod: Pod): string | undefined {
  return pod.metadata.ownerReferences?.find((owner) => owner.controller === true)?.kind;
}

/** Whether any of its containers ever ran, init containers included. */
function hasStarted({ status }: Pod): boolean {
  if (status?.phase === 'Running') return true;
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return containers.some(
    ({ state, lastState, restartCount }) =>
      state?.running !== undefined ||
      state?.terminated !== undefined ||
      lastState?.terminated !== undefined ||
      restartCount > 0,
  );
}
