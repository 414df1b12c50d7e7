import { isNotFound, KubeError, type KubeClient, POD, type Pod } from '#pkg/kube';
import { mapLimit } from '#pkg/runtime';
import { budgetsOf, evict } from './evict.ts';
import { type EndingOptions, planEnding } from './plan-ending.ts';

/** Evictions under way at once: enough for a thousand pods in a minute, little enough for a small API server. */
const PARALLEL = 8;

/** What still holds an ending up. */
export interface Remaining {
  /** Pods that are not gone yet. */
  readonly pods: number;
  /** A sentence about them; empty where there are none. */
  readonly message: string;
}

export interface MovePodsOptions extends EndingOptions {
  readonly namespace: string;
  /** The namespace itself is deleted: its pods are deleted by others, and evictions are refused in it. */
  readonly isNamespaceEnding: boolean;
}

/**
 * Moves the pods of a namespace away from virtual nodes, one step further: evicts, marks failed, and says what is left.
 * Call it again until nothing is. Lists the pods of that one namespace.
 * @throws KubeError, OffloadingError; what was done stays done
 */
export async function movePods(client: KubeClient, options: MovePodsOptions, signal: AbortSignal): Promise<Remaining> {
  const { namespace, isNamespaceEnding } = options;
  const { items } = await client.list<Pod>(POD, { namespace }, { signal });
  const plan = planEnding(items, options);
  if (isNamespaceEnding) {
    const pods = plan.leaving.length + plan.evict.length + plan.fail.length;
    return { pods, message: pods === 0 ? '' : `${count(pods)} in the deleted namespace` };
  }
  await mapLimit(plan.fail, PARALLEL, (pod) => markEnded(client, pod, signal));
  const evictions = await mapLimit(plan.evict, PARALLEL, async (pod) => ({
    pod,
    ...(await evict(client, pod, signal)),
  }));
  const left = evictions.filter(({ outcome }) => outcome !== 'gone');
  const blocked = evictions.find(({ outcome }) => outcome === 'blocked')?.pod;
  const pods = plan.leaving.length + left.length;
  if (pods === 0) return { pods, message: '' };
  return { pods, message: `${count(pods)} on virtual nodes${await blockedBy(client, blocked, signal)}` };
}

function count(pods: number): string {
  return `waits for ${pods} ${pods === 1 ? 'pod' : 'pods'}`;
}

async function blockedBy(client: KubeClient, pod: Pod | undefined, signal: AbortSignal): Promise<string> {
  if (pod === undefined) return '';
  const budgets = await budgetsOf(client, pod, signal);
  const by = budgets.length === 0 ? 'a PodDisruptionBudget' : `PodDisruptionBudget ${budgets.join(', ')}`;
  return `; ${by} does not allow the eviction of ${pod.metadata.name} now`;
}

/**
 * The verdict of a bare pod that ran there and runs nowhere any more (REF-03). Containers stay as they were last seen:
 * nobody knows more. The UID in the patch makes it conflict with another pod of that name.
 */
async function markEnded(client: KubeClient, pod: Pod, signal: AbortSignal): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  const notReady = ['Ready', 'ContainersReady'].map((type) => ({ type, status: 'False', reason: 'PodFailed' }));
  const status = {
    phase: 'Failed',
    reason: 'OffloadingEnded',
    message: 'offloading of the namespace ended while this pod ran on a virtual node; no controller makes it again',
    conditions: notReady,
  };
  const ref = { name, ...(namespace !== undefined && { namespace }) };
  try {
    await client.patch<Pod>(
      POD,
      ref,
      { metadata: { uid }, status },
      { type: 'strategic', subresource: 'status', signal },
    );
  } catch (error) {
    if (!(isNotFound(error) || (error instanceof KubeError && error.isConflict))) throw error;
  }
}
