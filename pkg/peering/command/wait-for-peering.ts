import { setTimeout as sleep } from 'node:timers/promises';
import { type Condition, getCondition, isConditionTrue, type Peer, VIRTUAL_NODE, type VirtualNode } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import { isPeeringCode, PeeringError } from '../errors.ts';
import { unlessNotFound } from '../not-found.ts';
import { getPeer, removeRole, updatePeer } from '../peer-view.ts';
import type { StartedPeering } from './check-wish.ts';

/** What changed since the last one. */
export interface PeeringProgress {
  readonly phase: string;
  /** The step under way, in words; empty where nothing is. */
  readonly step: string;
  readonly conditions: readonly Condition[];
  /** True in the last one: everything that was asked for stands. */
  readonly isDone: boolean;
}

/** A person waits; two small reads a quarter of a second cost the API server nothing. */
const POLL_MS = 250;

/**
 * Follows a peering that was started until it stands and its virtual node is Ready; yields once per change. Ends by
 * itself only then: the deadline is the caller's signal, whose reason it throws.
 * @throws PeeringError with the reason, where the peering failed for good (`InviteUsed`, `InviteExpired`, …); then
 *   `abandonPeering` removes what was written
 */
export async function* waitForPeering(
  client: KubeClient,
  started: Pick<StartedPeering, 'peer' | 'roles' | 'virtualNode'>,
  signal: AbortSignal,
): AsyncGenerator<PeeringProgress> {
  let shown = '';
  for (;;) {
    const peer = await getPeer(client, started.peer, signal);
    const node =
      started.virtualNode === undefined ? undefined : await virtualNodeOf(client, started.virtualNode, signal);
    if (peer !== undefined) throwIfFailed(peer);
    const progress = progressOf(peer, node, started);
    const text = JSON.stringify([
      progress.phase,
      progress.step,
      progress.isDone,
      progress.conditions.map(({ type, status, message }) => [type, status, message]),
    ]);
    if (text !== shown) yield progress;
    shown = text;
    if (progress.isDone) return;
    await sleep(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

async function virtualNodeOf(client: KubeClient, name: string, signal: AbortSignal): Promise<VirtualNode | undefined> {
  return client.get<VirtualNode>(VIRTUAL_NODE, { name }, { signal }).catch(unlessNotFound);
}

function progressOf(
  peer: Peer | undefined,
  node: VirtualNode | undefined,
  started: Pick<StartedPeering, 'roles' | 'virtualNode'>,
): PeeringProgress {
  const conditions = peer?.status?.conditions ?? [];
  const roles = peer?.status?.roles ?? [];
  // Conditions of the other direction, or of an earlier wish, say nothing about this one.
  const authenticated = getCondition(conditions, 'Authenticated');
  const isSeen = authenticated?.observedGeneration === peer?.metadata.generation;
  const isSetUp = isSeen && started.roles.every((role) => roles.includes(role));
  const stands = isSetUp && isConditionTrue(conditions, 'Authenticated') && isConditionTrue(conditions, 'ApiReachable');
  const ready = started.virtualNode === undefined || isConditionTrue(node?.status?.conditions, 'Ready');
  const step =
    stands && !ready
      ? waitingForNode(started.virtualNode ?? '', node)
      : [peer?.status?.step ?? 'wait for the controller', ...(isSeen ? whyNot(authenticated) : [])].join(': ');
  return { phase: peer?.status?.phase ?? 'Pending', step, conditions, isDone: stands && ready };
}

/** What has gone wrong in the step under way, which goes on. */
function whyNot(authenticated: Condition | undefined): string[] {
  const { reason = '', message = '' } = authenticated ?? {};
  return isPeeringCode(reason) ? [message] : [];
}

function waitingForNode(name: string, node: VirtualNode | undefined): string {
  const reasons = (node?.status?.conditions ?? []).filter(
    ({ type, status }) => (type === 'Granted' || type === 'Ready') && status !== 'True',
  );
  return [`wait for virtual node ${name}`, ...reasons.map(({ message }) => message)].join(': ');
}

function throwIfFailed(peer: Peer): void {
  if (peer.status?.phase !== 'Failed') return;
  const { observedGeneration, reason = '', message = '' } = getCondition(peer.status.conditions, 'Authenticated') ?? {};
  if (observedGeneration !== peer.metadata.generation) return; // said about an earlier wish
  if (!isPeeringCode(reason)) return;
  const facts = { attempted: `peer with ${peer.metadata.name}`, where: `Peer ${peer.metadata.name}` };
  const probe = new PeeringError(reason, { ...facts, why: '' });
  // The condition's sentence ends with what to do next, and so does the error's.
  const why = message.endsWith(`; ${probe.next}`) ? message.slice(0, -`; ${probe.next}`.length) : message;
  throw new PeeringError(reason, { ...facts, why });
}

/**
 * Takes back what `startPeering` wrote, where the peering was refused for good (PEER-03: nothing is left). Does nothing to
 * a direction that stands: a Peer that was there before loses only the role that it had just been given. The controller
 * removes token, virtual node and Peer; `waitForEnd` follows it.
 */
export async function abandonPeering(client: KubeClient, started: StartedPeering, signal?: AbortSignal): Promise<void> {
  if (started.isUnchanged) return;
  await updatePeer(
    client,
    started.peer,
    (peer) => {
      if (peer.status?.roles?.includes('Consume') === true) return false;
      delete peer.spec.request;
      return removeRole(peer, 'Consume');
    },
    signal,
  );
}
