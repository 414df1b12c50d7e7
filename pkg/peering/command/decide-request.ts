import { PEERING_REQUEST, type PeeringRequest, SYSTEM_NAMESPACE } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';

/** What somebody decides about a request. */
export type RequestDecision = NonNullable<PeeringRequest['spec']['decision']>;

/** All requests of other clusters that are kept here, the newest first. */
export async function listRequests(client: KubeClient, signal: AbortSignal): Promise<PeeringRequest[]> {
  const query = { namespace: SYSTEM_NAMESPACE };
  const { items } = await client.list<PeeringRequest>(PEERING_REQUEST, query, { signal });
  const madeAt = ({ metadata }: PeeringRequest) => metadata.creationTimestamp ?? '';
  return items.toSorted((a, b) => madeAt(b).localeCompare(madeAt(a)));
}

/** Writes the decision; the controller does what it says. Counts for this very request and for no later one of that cluster. */
export async function decideRequest(
  client: KubeClient,
  { metadata }: PeeringRequest,
  { verdict, name, limits }: RequestDecision,
  signal: AbortSignal,
): Promise<void> {
  const body = {
    metadata: metadata.uid === undefined ? {} : { uid: metadata.uid },
    // Fields of an earlier decision must not stay.
    spec: { decision: { verdict, name: name ?? null, limits: limits ?? null } },
  };
  const ref = { namespace: SYSTEM_NAMESPACE, name: metadata.name };
  await client.patch<PeeringRequest>(PEERING_REQUEST, ref, body, { type: 'merge', signal });
}
