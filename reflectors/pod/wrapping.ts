import type { Pod } from '#pkg/kube';

/**
 * How a local pod exists at the provider (kubernetes-facts 1 and 2):
 * - `replica-set`: a ReplicaSet of 1, so that the provider alone brings the pod back (POD-44);
 * - `recreated`: a bare Pod that we make again after the old one is gone. For pods of a StatefulSet, which must never be
 *   there twice: a ReplicaSet replaces a pod that is still terminating;
 * - `once`: a bare Pod that is never made again after it may have run.
 */
export type Wrapping = 'replica-set' | 'recreated' | 'once';

/** Decided by the local pod alone, so every replica and every restart of ours decides alike. */
export function wrappingOf(local: Pod): Wrapping {
  const { restartPolicy = 'Always', activeDeadlineSeconds } = local.spec ?? {};
  if (restartPolicy !== 'Always' || activeDeadlineSeconds !== undefined) return 'once';
  return isOfStatefulSet(local) ? 'recreated' : 'replica-set';
}

/** By kind in any group: other projects' StatefulSets promise the same. */
function isOfStatefulSet(local: Pod): boolean {
  return (local.metadata.ownerReferences ?? []).some(
    (owner) => owner.controller === true && owner.kind === 'StatefulSet',
  );
}
