import { ANNOTATION, type Peer, PEER, type Role } from '#pkg/api';
import { type Informer, KubeError, type KubeClient } from '#pkg/kube';
import type { Fingerprint } from './identity/fingerprint.ts';

/** Indexes that the informer of Peers needs: `cluster.informer(PEER, { indexes: PEER_INDEXES })`. */
export const PEER_INDEXES = {
  fingerprint: (peer: Peer): string[] => (peer.spec.fingerprint === undefined ? [] : [peer.spec.fingerprint]),
};

/** Whether this side's admin wants that direction. */
export function wants(peer: Peer, role: Role): boolean {
  return peer.metadata.deletionTimestamp === undefined && peer.spec.roles.includes(role);
}

/** Whether that direction was set up and is not yet taken apart. */
export function stands(peer: Peer, role: Role): boolean {
  return peer.status?.roles?.includes(role) ?? false;
}

/** `tombolo unpeer --force`: clean this side and ask nobody. */
export function isForced(peer: Peer): boolean {
  return peer.metadata.annotations?.[ANNOTATION.forceUnpeer] === 'true';
}

/**
 * Whether the peer may use what we lend: also while we wait for it to drain, never after it said goodbye or was
 * thrown out.
 */
export function mayUse(peer: Peer): boolean {
  if (peer.status?.consumerReleased === true || isForced(peer)) return false;
  return wants(peer, 'Provide') || stands(peer, 'Provide');
}

/** Who is peered with us, for the peering endpoint of any replica. */
export interface KnownPeers {
  /** From the cache; `undefined` for a key that no Peer names. */
  cached(fingerprint: Fingerprint): Peer | undefined;
  /** Asks the API server: a Peer that another replica has just made is not in the cache yet. */
  fresh(fingerprint: Fingerprint, signal: AbortSignal): Promise<Peer | undefined>;
  on(handler: () => void): Disposable;
}

/** @param peers informer with `PEER_INDEXES` */
export function knownPeers(peers: Informer<Peer>, client: KubeClient): KnownPeers {
  return {
    cached: (fingerprint) => peers.byIndex('fingerprint', fingerprint)[0],
    fresh: (fingerprint, signal) => findByFingerprint(client, fingerprint, signal),
    on: (handler) => peers.on(() => handler()),
  };
}

/** The Peer of that key, whatever its name; the oldest, should somebody have made two by hand. */
export async function findByFingerprint(
  client: KubeClient,
  fingerprint: string,
  signal: AbortSignal | undefined,
): Promise<Peer | undefined> {
  const { items } = await client.list<Peer>(PEER, {}, signal === undefined ? {} : { signal });
  return items
    .filter((peer) => peer.spec.fingerprint === fingerprint)
    .toSorted((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''))[0];
}

export async function getPeer(client: KubeClient, name: string, signal?: AbortSignal): Promise<Peer | undefined> {
  try {
    return await client.get<Peer>(PEER, { name }, signal === undefined ? {} : { signal });
  } catch (error) {
    if (error instanceof KubeError && error.isNotFound) return undefined;
    throw error;
  }
}

/** Two writers at once is common (both directions at the same moment), five in a row is not. */
const MAX_TRIES = 5;

/**
 * Changes spec or metadata of a Peer under optimistic locking.
 * @param change gets a copy; returns false where nothing is to be changed
 * @returns the Peer as stored; `undefined` where it does not exist (any more)
 */
export async function updatePeer(
  client: KubeClient,
  name: string,
  change: (peer: Peer) => boolean,
  signal?: AbortSignal,
): Promise<Peer | undefined> {
  for (let tries = 1; ; tries++) {
    const stored = await getPeer(client, name, signal);
    if (stored === undefined) return undefined;
    const copy = structuredClone(stored);
    if (!change(copy)) return stored;
    try {
      return await client.replace<Peer>(PEER, copy, signal === undefined ? {} : { signal });
    } catch (error) {
      if (error instanceof KubeError && error.isNotFound) return undefined;
      if (!(error instanceof KubeError && error.isConflict) || tries === MAX_TRIES) throw error;
    }
  }
}

/** Adds a role; false where it is there already. */
export function addRole(peer: Peer, role: Role): boolean {
  if (peer.spec.roles.includes(role)) return false;
  peer.spec.roles.push(role);
  return true;
}

/** Takes a role away; false where it was not there. */
export function removeRole(peer: Peer, role: Role): boolean {
  if (!peer.spec.roles.includes(role)) return false;
  peer.spec.roles = peer.spec.roles.filter((other) => other !== role);
  return true;
}

/** Marks a Peer so that its end asks nobody; false where it is marked already. */
export function markForced(peer: Peer): boolean {
  if (isForced(peer)) return false;
  peer.metadata.annotations = { ...peer.metadata.annotations, [ANNOTATION.forceUnpeer]: 'true' };
  return true;
}
