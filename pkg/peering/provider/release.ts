import { type Peer, PEER } from '#pkg/api';
import { KubeError, type KubeClient } from '#pkg/kube';
import { removeRole, stands, updatePeer, wants } from '../peer-view.ts';
import type { UnpeerAnswer } from '../wire.ts';

/**
 * The consumer says goodbye: it has drained and wants nothing any more. Marks the Peer; the leading controller takes
 * rights and objects away. Idempotent: the consumer asks again until the answer is `Gone`.
 */
export async function releaseConsumer(client: KubeClient, peer: Peer, signal: AbortSignal): Promise<UnpeerAnswer> {
  const name = peer.metadata.name;
  if (!wants(peer, 'Provide') && !stands(peer, 'Provide')) return { state: 'Gone' };
  try {
    // The mark first: with the role gone and no mark we would wait for a consumer that has left.
    const mark = { status: { consumerReleased: true } };
    await client.patch<Peer>(PEER, { name }, mark, { type: 'merge', subresource: 'status', signal });
  } catch (error) {
    if (error instanceof KubeError && error.isNotFound) return { state: 'Gone' };
    throw error;
  }
  await updatePeer(client, name, (stored) => removeRole(stored, 'Provide'), signal);
  return { state: 'Ending' };
}
