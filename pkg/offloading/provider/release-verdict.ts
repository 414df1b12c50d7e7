import { FINALIZER } from '#pkg/api';
import { KubeError, type KubeClient, type Pod, POD } from '#pkg/kube';

/** Being deleted, and kept until its consumer has read how it ended. */
export function isWaitingForVerdict({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(FINALIZER.verdict) === true;
}

/**
 * Nothing but our finalizer keeps the object: the API server sets the grace period to 0 when the kubelet has confirmed
 * the end, when the pod was never placed or had ended before, and when its deletion is forced.
 */
export function isHeld(pod: Pod): boolean {
  return isWaitingForVerdict(pod) && pod.metadata.deletionGracePeriodSeconds === 0;
}

/** Takes our finalizer off exactly that version of the pod; one that changed or went meanwhile is left to the next look. */
export async function releaseVerdict(client: KubeClient, { metadata }: Pod, signal: AbortSignal): Promise<void> {
  const { name, namespace, uid, resourceVersion } = metadata;
  const finalizers = (metadata.finalizers ?? []).filter((entry) => entry !== FINALIZER.verdict);
  const ref = { name, ...(namespace !== undefined && { namespace }) };
  const body = { metadata: { uid, resourceVersion, finalizers } };
  try {
    await client.patch<Pod>(POD, ref, body, { type: 'merge', signal });
  } catch (error) {
    if (!(error instanceof KubeError && (error.isNotFound || error.isConflict))) throw error;
  }
}
