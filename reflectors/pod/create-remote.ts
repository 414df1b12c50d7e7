import { LABEL } from '#pkg/api';
import { KubeError, type KubeObject, type Pod, POD, REPLICA_SET, type Resource } from '#pkg/kube';
import type { PodReflectorDeps } from './pod-deps.ts';
import type { ProviderLink } from './provider-link.ts';
import { type Refusal, refusal, refusalFromText } from './refusal.ts';
import { type RemoteContext, toRemotePod, toRemoteReplicaSet } from './to-remote.ts';
import type { Wrapping } from './wrapping.ts';

export type CreateResult =
  /** It stands there, from this request or an earlier one. */
  | { readonly result: 'created'; readonly uid: string }
  /** An object of ours for an older pod of that name is still going. */
  | { readonly result: 'later' }
  | { readonly result: 'refused'; readonly refusal: Refusal };

/**
 * Creates the wrapper or the bare pod, by POST: an upsert would take over somebody else's object (kubernetes-facts 3). The
 * name follows from the local pod alone, so a create whose answer was lost, or that two replicas send, happens once
 * (POD-41).
 * @throws PodError `ProviderUnreachable` (retryable); KubeError for what the provider could not answer sensibly
 */
export async function createRemote(
  local: Pod,
  wrapping: Wrapping,
  context: RemoteContext,
  { link, remote }: { readonly link: ProviderLink; readonly remote: PodReflectorDeps['remote'] },
  signal: AbortSignal,
): Promise<CreateResult> {
  const { client } = remote.cluster;
  const isWrapped = wrapping === 'replica-set';
  try {
    const { metadata } = await link.call(
      (callSignal): Promise<KubeObject> =>
        isWrapped
          ? client.create(REPLICA_SET, toRemoteReplicaSet(local, context), { signal: callSignal })
          : client.create(POD, toRemotePod(local, context), { signal: callSignal }),
      signal,
    );
    return { result: 'created', uid: metadata.uid ?? '' };
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    if (!error.isAlreadyExists) return refusedBy(remote.peer, error, context);
  }
  const ref = { namespace: context.twin.namespace, name: local.metadata.name };
  const resource: Resource = isWrapped ? REPLICA_SET : POD;
  const standing = await link.call((callSignal) => client.get(resource, ref, { signal: callSignal }), signal);
  const { labels = {} } = standing.metadata;
  if (labels[LABEL.origin] !== context.origin || labels[LABEL.podUid] === undefined) {
    const text = `a ${resource.kind} of somebody else is named ${ref.namespace}/${ref.name}`;
    return { result: 'refused', refusal: refusal(remote.peer, 'NameTaken', text) };
  }
  const isSame = labels[LABEL.podUid] === local.metadata.uid;
  return isSame ? { result: 'created', uid: standing.metadata.uid ?? '' } : { result: 'later' };
}

/** What the answer to the POST means for the pod. Rethrows what is no answer about it. */
function refusedBy(peer: string, error: KubeError, { twin }: RemoteContext): CreateResult {
  const refused = (reason: Refusal) => ({ result: 'refused' as const, refusal: reason });
  if (error.isNotFound || /is being terminated/.test(error.why)) {
    return refused(refusal(peer, 'NamespaceNotReady', `namespace ${twin.namespace} is not there`));
  }
  // Rights in a new twin take a moment to reach every API server of the provider.
  if (error.isForbidden && /cannot create resource/.test(error.why)) {
    return refused(refusal(peer, 'NamespaceNotReady', `no rights in namespace ${twin.namespace} yet: ${error.why}`));
  }
  if (error.isForbidden || error.isInvalid || /webhook/.test(error.why)) {
    return refused(refusalFromText(peer, error.why));
  }
  throw error;
}
