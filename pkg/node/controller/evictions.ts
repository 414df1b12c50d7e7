import { KubeError, type KubeClient, POD, type Pod } from '#pkg/kube';
import { mapLimit } from '#pkg/runtime';

/** Evictions under way at once: enough for a node of hundreds of pods, little for an API server. */
const PARALLEL = 5;

/** Whether a pod must be gone before its node may go. As `kubectl drain --ignore-daemonsets`. */
export function blocksDrain(pod: Pod): boolean {
  const isFinished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  const isOfDaemonSet = (pod.metadata.ownerReferences ?? []).some(
    ({ kind, controller }) => kind === 'DaemonSet' && controller === true,
  );
  const isMirror = pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
  return !isFinished && !isOfDaemonSet && !isMirror;
}

/** A pod that could not be evicted now. */
export interface Blocked {
  readonly pod: string;
  /** `namespace/name` of the PodDisruptionBudget that holds it; undefined where it is something else. */
  readonly budget: string | undefined;
  readonly why: string;
}

/**
 * Asks for the eviction of each pod, so that PodDisruptionBudgets hold; pods that are terminating already are left to
 * end. Returns those that were refused. Idempotent.
 * @throws KubeError where the home API does not answer
 */
export async function evictPods(client: KubeClient, pods: readonly Pod[], signal: AbortSignal): Promise<Blocked[]> {
  const staying = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const results = await mapLimit(staying, PARALLEL, (pod) => evict(client, pod, signal));
  return results.filter((result) => result !== undefined);
}

async function evict(client: KubeClient, pod: Pod, signal: AbortSignal): Promise<Blocked | undefined> {
  const { name, namespace, uid } = pod.metadata;
  const ref = namespace === undefined ? { name } : { name, namespace };
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: ref,
    ...(uid === undefined ? {} : { deleteOptions: { preconditions: { uid } } }),
  };
  try {
    await client.subresource(POD, ref, 'eviction', body, { signal });
    return undefined;
  } catch (error) {
    if (!(error instanceof KubeError) || error.status === 0) throw error;
    // Gone, or another pod of the same name, which does not have to be on this node.
    if (error.isNotFound || error.isConflict) return undefined;
    return { pod: `${namespace}/${name}`, budget: budgetOf(error, namespace), why: error.why };
  }
}

/** The API server names the budget only in the text of a cause. */
function budgetOf(error: KubeError, namespace: string | undefined): string | undefined {
  for (const { reason, message } of error.details?.causes ?? []) {
    if (reason !== 'DisruptionBudget') continue;
    const name = /disruption budget (\S+)/.exec(message ?? '')?.[1];
    return name === undefined ? undefined : `${namespace}/${name}`;
  }
  return undefined;
}
