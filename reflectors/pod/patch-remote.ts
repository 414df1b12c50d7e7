import { KubeError, type Pod, POD, REPLICA_SET, type ReplicaSet } from '#pkg/kube';
import { PodError } from './errors.ts';
import type { JsonPatchStep } from './json-patch.ts';
import type { RemoteCluster } from './pod-deps.ts';
import type { PodSpec } from './pod-types.ts';
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

/**
 * Merges into the spec of a remote pod through a subresource, by a strategic-merge patch: lists merge by name, so that the
 * same patch sent twice changes nothing the second time. Nothing happens where the pod is gone.
 * @throws PodError `Outdated` (retryable) where it is another pod by now
 * @throws KubeError for what the provider does not allow, see {@link isRefused}
 */
export async function mergeRemotePod(
  { metadata: { name, namespace, uid } }: Pod,
  { subresource, spec }: { readonly subresource: 'ephemeralcontainers' | 'resize'; readonly spec: Partial<PodSpec> },
  { remote, link }: PatchDeps,
  signal: AbortSignal,
): Promise<void> {
  const ref = { name, ...(namespace !== undefined && { namespace }) };
  const body = { metadata: { uid }, spec };
  try {
    await link.call(
      (s) => remote.cluster.client.patch(POD, ref, body, { type: 'strategic', subresource, signal: s }),
      signal,
    );
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    // A provider that does not know the subresource answers without the name.
    if (error.isNotFound && error.details?.name === name) return;
    if (!error.isConflict) throw error;
    const where = `${subresource} of Pod ${namespace}/${name} on ${remote.peer}`;
    throw new PodError('Outdated', { attempted: 'change', where, why: 'it is another one' }, { cause: error });
  }
}

/**
 * The provider has understood the change of a pod and does not allow it: asking again at once changes nothing. A right
 * that is missing is something else, it takes a moment to reach every API server of the provider.
 */
export function isRefused(error: unknown): error is KubeError {
  if (!(error instanceof KubeError) || / cannot \S+ resource /.test(error.why)) return false;
  return error.isInvalid || error.isForbidden || error.isNotFound || error.why.startsWith('admission webhook');
}

/** The API server answers a failed `test` like an invalid object, in words of its own and without causes. */
function isFailedTest(error: KubeError): boolean {
  return error.isConflict || (error.isInvalid && (error.details?.causes ?? []).length === 0);
}
