import { KubeError, type Pod, POD, REPLICA_SET, type ReplicaSet } from '#pkg/kube';
import { PodError } from './errors.ts';
import type { JsonPatchStep } from './live-update.ts';
import type { RemoteCluster } from './pod-deps.ts';
import type { ProviderLink } from './provider-link.ts';

export interface PatchDeps {
  readonly remote: RemoteCluster;
  readonly link: ProviderLink;
}

/**
 * Sends a JSON patch to a remote pod or wrapper. Nothing happens where the object is gone: its event is on the way.
 * @throws PodError `Outdated` (retryable) where a `test` in it does not hold: the object is another one, or has changed
 */
export async function patchRemote(
  kind: 'Pod' | 'ReplicaSet',
  object: Pod | ReplicaSet,
  steps: readonly JsonPatchStep[],
  { remote, link }: PatchDeps,
  signal: AbortSignal,
): Promise<void> {
  const { client } = remote.cluster;
  const { name, namespace } = object.metadata;
  const ref = { name, ...(namespace !== undefined && { namespace }) };
  const send = (s: AbortSignal): Promise<Pod | ReplicaSet> =>
    kind === 'Pod'
      ? client.patch(POD, ref, steps, { type: 'json', signal: s })
      : client.patch(REPLICA_SET, ref, steps, { type: 'json', signal: s });
  try {
    await link.call(send, signal);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    if (error.isNotFound) return;
    if (!isFailedTest(error)) throw error;
    const where = `${kind} ${namespace}/${name} on ${remote.peer}`;
    throw new PodError('Outdated', { attempted: 'change', where, why: 'it changed meanwhile' }, { cause: error });
  }
}

/** The API server answers a failed `test` like an invalid object, in words of its own and without causes. */
function isFailedTest(error: KubeError): boolean {
  return error.isConflict || (error.isInvalid && (error.details?.causes ?? []).length === 0);
}
