import type { Peer } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import { hasEnded } from '../consumer/await-approval.ts';
import { PeeringError } from '../errors.ts';
import { checkWish, type PeeringTarget, type PeeringWish, type StartedPeering } from './check-wish.ts';
import { ensurePeer, ensureVirtualNode } from './peer-objects.ts';

export interface RequestPeeringOptions extends PeeringWish {
  /** The cluster to ask, as a record names it: nothing of it is believed before its key has answered. */
  readonly target: PeeringTarget;
}

/**
 * Writes the wish to use a cluster that was found, and to ask it for approval: VirtualNode and Peer. The controller asks
 * there and waits; see `waitForPeering`. Safe to repeat: while somebody there still thinks about it, nothing changes; after
 * a no, or when the request expired, it asks anew.
 * @throws PeeringError of `checkWish`, and `NoAddress`
 */
export async function requestPeering(client: KubeClient, options: RequestPeeringOptions): Promise<StartedPeering> {
  const { target, signal, now = new Date(), resources, apiMode, networkMode } = options;
  if (target.addresses.length === 0) {
    const why = 'no address is known that may be dialled';
    const facts = { attempted: 'ask for approval', where: `cluster ${target.clusterName}`, why };
    throw new PeeringError('NoAddress', {
      ...facts,
      next: 'have its record corrected, or use a token of `tombolo invite`',
    });
  }
  const { peer, known, roles, virtualNode, isStanding } = await checkWish(client, target, options);
  if (isStanding) return { peer, roles, virtualNode, isUnchanged: true, isNew: false };
  if (virtualNode !== undefined) await ensureVirtualNode(client, virtualNode, peer, resources, signal);
  const request = roles.includes('Consume') ? requestOf(known, now) : undefined;
  const wanted = { peer, target, roles, apiMode, networkMode };
  await ensurePeer(client, { ...wanted, ...(request === undefined ? {} : { request }) }, signal);
  return { peer, roles, virtualNode, isUnchanged: false, isNew: known === undefined };
}

/** The request that is waited for already, or a new one. */
function requestOf(known: Peer | undefined, now: Date): { askedAt: string } {
  const asked = known?.spec.request;
  return asked === undefined || (known !== undefined && hasEnded(known)) ? { askedAt: now.toISOString() } : asked;
}
