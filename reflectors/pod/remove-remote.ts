import {
  type Cluster,
  isNotFound,
  KubeError,
  type Pod,
  POD,
  REPLICA_SET,
  type Ref,
  type ReplicaSet,
  type Resource,
} from '#pkg/kube';
import type { Clock } from '#pkg/runtime';
import { isTerminating } from './pod-types.ts';
import type { PodNotes } from './pod-memory.ts';
import { homeNameOf } from './stored-pod.ts';
import type { Removal } from './plan.ts';
import type { ProviderLink } from './provider-link.ts';

/** An answered delete shows in the cache within this time; before, it is not sent again. */
const REPEAT_MS = 5_000;

/**
 * A pod of a force-deleted local one that still hangs after this time (its node there is dead) is removed by force too:
 * whoever forced it here has accepted that nobody confirms the end.
 */
const INSIST_MS = 8_000;

export interface RemoveDeps {
  readonly link: ProviderLink;
  readonly provider: Cluster;
  readonly home: Cluster;
  readonly clock: Clock;
}

/**
 * Deletes wrapper and pods as kubernetes-facts 7 says, each with its UID as precondition. Idempotent: what is being deleted
 * is left alone, unless a shorter grace period is asked for.
 * @returns false where the local pod is there after all: then nothing is touched
 */
export async function removeRemote(
  removal: Removal,
  homeNamespace: string,
  podUid: string,
  notes: PodNotes,
  deps: RemoveDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock } = deps;
  if (removal.needsProof && !(await isGoneAtHome(removal, homeNamespace, podUid, deps, signal))) return false;
  notes.removingSinceMs ??= clock.now();
  const mustInsist = removal.needsProof && clock.now() - notes.removingSinceMs >= INSIST_MS;
  const graceSeconds = mustInsist ? 0 : removal.graceSeconds;
  const isRepeat = clock.now() < notes.removedUntilMs;
  const { wrapper } = removal;
  if (wrapper !== undefined && !isTerminating(wrapper) && !isRepeat) {
    const isLonger = graceSeconds !== undefined && removal.pods.some((pod) => graceSeconds > ownGrace(pod));
    await remove(REPLICA_SET, wrapper, { propagationPolicy: isLonger ? 'Orphan' : 'Background' }, deps, signal);
  }
  for (const pod of removal.pods) {
    const isShorter =
      graceSeconds !== undefined && graceSeconds < (pod.metadata.deletionGracePeriodSeconds ?? Infinity);
    if (isTerminating(pod) ? isShorter : !isRepeat) {
      await remove(POD, pod, graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }, deps, signal);
    }
  }
  notes.removedUntilMs = Math.max(notes.removedUntilMs, clock.now() + REPEAT_MS);
  return true;
}

/** Removes the ReplicaSet and leaves its pod. */
export async function orphanPodOf(wrapper: ReplicaSet, deps: RemoveDeps, signal: AbortSignal): Promise<void> {
  await remove(REPLICA_SET, wrapper, { propagationPolicy: 'Orphan' }, deps, signal);
}

/** Default of the API server for a pod that does not say. */
const DEFAULT_GRACE_SECONDS = 30;

function ownGrace(pod: Pod): number {
  return pod.spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
}

async function remove(
  resource: Resource,
  object: Pod | ReplicaSet,
  options: { propagationPolicy?: 'Orphan' | 'Background'; gracePeriodSeconds?: number },
  { link, provider }: RemoveDeps,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace, uid } = object.metadata;
  const ref: Ref = { name, ...(namespace !== undefined && { namespace }) };
  try {
    await link.call(
      (s) => provider.client.delete(resource, ref, { ...options, ...(uid !== undefined && { uid }), signal: s }),
      signal,
    );
  } catch (error) {
    // Gone, or another object has the name by now: neither is ours to delete.
    if (!(error instanceof KubeError && (error.isNotFound || error.isConflict))) throw error;
  }
}

/**
 * Asks the home API itself. Right after another replica has handed this node over, our cache may still lack a pod whose
 * remote pod we see already; deleting that would kill a healthy pod.
 */
async function isGoneAtHome(
  { pods, wrapper }: Removal,
  namespace: string,
  podUid: string,
  { home }: RemoveDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const [pod] = pods;
  const name = wrapper?.metadata.name ?? (pod === undefined ? undefined : homeNameOf(pod));
  if (name === undefined) return false;
  try {
    const local = await home.client.get(POD, { namespace, name }, { signal });
    return local.metadata.uid !== podUid;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}
