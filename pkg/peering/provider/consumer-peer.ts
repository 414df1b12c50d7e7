import { FINALIZER, type Peer, PEER, type ResourceList, typeMeta } from '#pkg/api';
import { KubeError, type KubeClient } from '#pkg/kube';
import { PeeringError } from '../errors.ts';
import type { Fingerprint } from '../identity/fingerprint.ts';
import { nameWithSuffix } from '../names.ts';
import { addRole, findByFingerprint, updatePeer } from '../peer-view.ts';

/** A cluster that is to be lent to. */
export interface ConsumerWish {
  readonly fingerprint: Fingerprint;
  /** What it calls itself. */
  readonly clusterName: string;
  /** What it must be called here; absent: what it calls itself, with a suffix where that is taken (PEER-13). */
  readonly name?: string | undefined;
  readonly addresses: readonly string[];
  readonly limits?: ResourceList | undefined;
  /** First part of an error's sentence. */
  readonly attempted: string;
}

/**
 * Makes the Peer of a cluster that we lend to, or adds the role to the one that its key has already (PEER-17). Safe to repeat.
 * @throws PeeringError `NameTaken`; `PeerBusy` while an earlier peering with that key is being taken apart
 */
export async function ensureConsumerPeer(client: KubeClient, wish: ConsumerWish, signal: AbortSignal): Promise<Peer> {
  const { fingerprint, clusterName, addresses, limits } = wish;
  const known = await findByFingerprint(client, fingerprint, signal);
  if (known !== undefined) return join(client, known, wish, signal);
  const names = wish.name === undefined ? [clusterName, nameWithSuffix(clusterName, fingerprint)] : [wish.name];
  for (const name of names) {
    const peer: Peer = {
      ...typeMeta(PEER),
      metadata: { name, finalizers: [FINALIZER.peering] },
      spec: {
        roles: ['Provide'],
        fingerprint,
        ...(addresses.length > 0 ? { addresses: [...addresses] } : {}),
        ...(limits === undefined ? {} : { limits }),
      },
    };
    try {
      return await client.create<Peer>(PEER, peer, { signal });
    } catch (error) {
      if (!(error instanceof KubeError && error.isAlreadyExists)) throw error;
      // The name is another cluster's (PEER-13), or this one's Peer was made at this very moment by its admin.
      const made = await findByFingerprint(client, fingerprint, signal);
      if (made !== undefined) return join(client, made, wish, signal);
    }
  }
  const why =
    names.length === 1 ? 'that name is in use for another cluster' : 'both names are in use for other clusters';
  throw new PeeringError('NameTaken', { attempted: 'name the new peer', where: `Peer ${names.join(', ')}`, why });
}

/** The cluster is a peer already: one Peer holds both directions. */
async function join(client: KubeClient, known: Peer, wish: ConsumerWish, signal: AbortSignal): Promise<Peer> {
  const { addresses, limits, attempted } = wish;
  const name = known.metadata.name;
  const busy = (why: string) => new PeeringError('PeerBusy', { attempted, where: `Peer ${name}`, why });
  if (known.metadata.deletionTimestamp !== undefined || known.status?.consumerReleased === true) {
    throw busy('an earlier peering with this cluster is still being taken apart');
  }
  const joined = await updatePeer(
    client,
    name,
    (peer) => {
      let changed = addRole(peer, 'Provide');
      if (changed && peer.spec.limits === undefined && limits !== undefined) peer.spec.limits = limits;
      if (peer.spec.addresses === undefined && addresses.length > 0) {
        peer.spec.addresses = [...addresses];
        changed = true;
      }
      return changed;
    },
    signal,
  );
  if (joined === undefined) throw busy('its Peer was removed at this moment');
  return joined;
}
