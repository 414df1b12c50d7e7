import { setTimeout as sleep } from 'node:timers/promises';
import { type Condition, getCondition, type Peer, PEER, type Role, VIRTUAL_NODE, type VirtualNode } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import { PeeringError } from '../errors.ts';
import { unlessNotFound } from '../not-found.ts';
import { getPeer, isForced, markForced, removeRole, stands, updatePeer, wants } from '../peer-view.ts';

export interface EndPeeringOptions {
  /** Directions to end; default: all. */
  readonly roles?: readonly Role[];
  /** Clean this side and ask nobody: pods are force deleted, the other side keeps what it has. */
  readonly force?: boolean;
  /** How long the drain waits for evictions, in seconds; default 300. */
  readonly drainTimeoutSeconds?: number;
  /** For errors that compare times; default now. */
  readonly now?: Date;
  readonly signal?: AbortSignal;
}

/** Shown as good is what was verified this recently. */
const FRESH_MS = 20_000;

/**
 * Writes the wish to end a peering, or one direction of it. The controllers of both sides do the rest; see
 * `waitForEnd`. Safe to repeat.
 * @throws PeeringError `UnknownPeer`; `PeerUnreachable` where the peer does not answer and `force` is not set: then
 *   nothing is written (PEER-26)
 */
export async function endPeering(client: KubeClient, name: string, options: EndPeeringOptions = {}): Promise<void> {
  const { force = false, drainTimeoutSeconds, now = new Date(), signal } = options;
  const peer = await getPeer(client, name, signal);
  if (peer === undefined)
    throw new PeeringError('UnknownPeer', {
      attempted: 'end the peering',
      where: `Peer ${name}`,
      why: 'there is none of that name',
    });
  const roles = options.roles ?? peer.spec.roles;
  const left = peer.spec.roles.filter((role) => !roles.includes(role));
  const alreadyEnding = peer.metadata.deletionTimestamp !== undefined;
  if (!force && !alreadyEnding) throwIfAway(peer, roles, now);
  if (drainTimeoutSeconds !== undefined) await setDrainTimeout(client, name, drainTimeoutSeconds, signal);
  const changed = await updatePeer(
    client,
    name,
    (stored) => {
      let isChanged = force && markForced(stored);
      if (left.length > 0) for (const role of roles) isChanged = removeRole(stored, role) || isChanged;
      return isChanged;
    },
    signal,
  );
  if (left.length > 0 || changed === undefined || alreadyEnding) return;
  const { uid } = changed.metadata;
  const precondition = uid === undefined ? {} : { uid };
  await client
    .delete(PEER, { name }, { ...precondition, ...(signal === undefined ? {} : { signal }) })
    .catch(unlessNotFound);
}

/** The other side must have been heard of just now; a direction that never stood ends without it. */
function throwIfAway(peer: Peer, roles: readonly Role[], now: Date): void {
  const isFresh = (time: string | undefined) => time !== undefined && now.getTime() - Date.parse(time) < FRESH_MS;
  const { name } = peer.metadata;
  const { conditions, lastVerifiedAt, lastContactAt } = peer.status ?? {};
  const reachable = getCondition(conditions, 'ApiReachable');
  let why: string | undefined;
  if (roles.includes('Consume') && stands(peer, 'Consume')) {
    if (reachable?.status === 'False') why = reachable.message;
    else if (!isFresh(lastVerifiedAt)) why = `it was not seen to answer within the last ${FRESH_MS / 1000} s`;
  } else if (roles.includes('Provide') && stands(peer, 'Provide') && !isFresh(lastContactAt)) {
    why = `it was not heard within the last ${FRESH_MS / 1000} s, and only it can drain its pods here`;
  }
  if (why === undefined) return;
  throw new PeeringError('PeerUnreachable', {
    attempted: `end the peering with ${name}`,
    where: name,
    why: `${why}; nothing was deleted`,
    next: unstuck(name),
  });
}

function unstuck(name: string): string {
  return `bring it back and run this again, or run \`tombolo unpeer ${name} --force\` to clean this side only`;
}

async function setDrainTimeout(
  client: KubeClient,
  peer: string,
  drainTimeoutSeconds: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  const { items } = await client.list<VirtualNode>(VIRTUAL_NODE, {}, options);
  for (const { metadata, spec } of items) {
    if (spec.peer !== peer || spec.drainTimeoutSeconds === drainTimeoutSeconds) continue;
    const body = { spec: { drainTimeoutSeconds } };
    await client
      .patch<VirtualNode>(VIRTUAL_NODE, { name: metadata.name }, body, { type: 'merge', ...options })
      .catch(unlessNotFound);
  }
}

/** What changed since the last one. */
export interface EndProgress {
  readonly step: string;
  readonly conditions: readonly Condition[];
  readonly isDone: boolean;
}

const POLL_MS = 250;
/**
 * A peer that does not answer so long after we began to wait is not just slow. Counted from our start, not from the first look
 * that found it silent, which takes seconds itself: the sentence must be said within 10 s (PEER-26).
 */
const PATIENCE_MS = 8_000;

/** One direction is over while the other goes on. With its last role, or when it is deleted, the Peer itself must go. */
function isEnded(peer: Peer, roles: readonly Role[] | undefined): boolean {
  if (roles === undefined || peer.metadata.deletionTimestamp !== undefined || peer.spec.roles.length === 0)
    return false;
  return roles.every((role) => !wants(peer, role) && !stands(peer, role));
}

/**
 * Follows an end until nothing of those directions is left here; yields once per change. The deadline is the caller's
 * signal, whose reason it throws; the end goes on without us.
 * @throws PeeringError `PeerUnreachable` where the other side does not answer: the wish stays, and goes on when it does
 * @param roles as given to `endPeering`; absent: all
 */
export async function* waitForEnd(
  client: KubeClient,
  name: string,
  roles: readonly Role[] | undefined,
  signal: AbortSignal,
): AsyncGenerator<EndProgress> {
  let shown = '';
  const startedMs = performance.now();
  for (;;) {
    const peer = await getPeer(client, name, signal);
    const stuck = whyStuck(peer);
    if (stuck !== undefined && performance.now() - startedMs >= PATIENCE_MS) throw stuckError(name, stuck);
    const isDone = peer === undefined || isEnded(peer, roles);
    const progress = {
      step: isDone ? '' : (peer?.status?.step ?? ''),
      conditions: peer?.status?.conditions ?? [],
      isDone,
    };
    const text = JSON.stringify([
      progress.step,
      isDone,
      progress.conditions.map(({ type, status, message }) => [type, status, message]),
    ]);
    if (text !== shown) yield progress;
    shown = text;
    if (isDone) return;
    await sleep(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** The sentence of an end that waits for a peer that does not answer. */
function whyStuck(peer: Peer | undefined): string | undefined {
  if (peer?.status?.phase !== 'Ending' || isForced(peer)) return undefined;
  const degraded = getCondition(peer.status.conditions, 'Degraded');
  const isAway = degraded?.reason === 'PeerUnreachable' || degraded?.reason === 'NoContact';
  return degraded?.status === 'True' && isAway ? degraded.message : undefined;
}

function stuckError(name: string, message: string): PeeringError {
  const next = unstuck(name);
  return new PeeringError('PeerUnreachable', {
    attempted: `end the peering with ${name}`,
    where: name,
    why: message.split('; ').slice(0, 2).join('; '),
    next,
  });
}
