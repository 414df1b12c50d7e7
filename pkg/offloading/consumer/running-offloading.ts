import type { Offloading, OffloadingPeerState } from '#pkg/api';
import { type ReconcileResult, requeueAfter } from '#pkg/runtime';
import { movePods } from './move-pods.ts';
import { DRAIN_CHECK_MS, nodesOfPeers, type OffloadingDeps, RETRY_PEER_MS } from './offloading-deps.ts';
import { peerState, summarize } from './offloading-status.ts';
import { activate, writeStatus } from './offloading-writes.ts';
import { ensureReflectionBinding } from './reflection-binding.ts';
import { selectPeers } from './select-peers.ts';

/** The binding in the namespace is not watched; drift of it is repaired at this pace. */
const RESYNC_MS = 300_000;

/** One look at an Offloading that stands: claims for the selected peers, pods away from the others, the whole status. */
export async function runOffloading(
  deps: OffloadingDeps,
  offloading: Offloading,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { client, claims, virtualNodes, nodes } = deps;
  const { namespace: name = '' } = offloading.metadata;
  await ensureReflectionBinding(client, name, signal);
  const selected = selectPeers(offloading.spec.peerSelector, virtualNodes.list(), (node) => nodes.get(node));
  const previous = new Map((offloading.status?.peers ?? []).map((entry) => [entry.peer, entry]));

  const wanted = [...selected].filter(([peer, as]) => as === 'Wanted' && claims.view(peer, name).state === 'None');
  let current = offloading;
  if (wanted.length > 0 && offloading.status?.activated !== true) current = await activate(deps, offloading, signal);
  const failures = new Map<string, string>();
  await Promise.all(
    wanted.map(async ([peer]) => {
      const why = await claims.send(peer, offloading, signal);
      if (why !== undefined) failures.set(peer, why);
    }),
  );

  const unwanted = [...new Set([...previous.keys(), ...claims.holding(name)])].filter((peer) => !selected.has(peer));
  const leaving = await leave(deps, name, unwanted, signal);
  const states: OffloadingPeerState[] = [];
  for (const peer of selected.keys()) {
    const view = claims.view(peer, name);
    const isNewKept = selected.get(peer) === 'Kept' && view.state === 'None';
    if (isNewKept) continue;
    const state = peerState(peer, view, previous.get(peer), false);
    const why = failures.get(peer);
    states.push(why === undefined ? state : { ...state, reason: 'ClaimNotSent', message: why });
  }
  states.push(...leaving.states.map((entry) => ({ ...entry, ...keepTwin(previous.get(entry.peer)) })));
  await writeStatus(deps, current, states, summarize(states), signal);
  if (leaving.isWaiting) return requeueAfter(DRAIN_CHECK_MS);
  return requeueAfter(failures.size > 0 ? RETRY_PEER_MS : RESYNC_MS);
}

/** Peers that are selected no more (REF-07): pods leave them, then their claims go. */
async function leave(
  deps: OffloadingDeps,
  name: string,
  peers: readonly string[],
  signal: AbortSignal,
): Promise<{ states: OffloadingPeerState[]; isWaiting: boolean }> {
  const { claims, client } = deps;
  const nodePeer = nodesOfPeers(deps);
  const hasNode = new Set(deps.virtualNodes.list().map((node) => node.spec.peer));
  const states: OffloadingPeerState[] = [];
  let isWaiting = false;
  for (const peer of peers) {
    const view = claims.view(peer, name);
    // Gone; or neither reachable nor represented by a node any more: its claim goes when it comes back.
    if (view.state === 'None' || (view.state === 'Away' && !hasNode.has(peer))) continue;
    const state = peerState(peer, view, undefined, true);
    const options = {
      namespace: name,
      isNamespaceEnding: false,
      isEnding: (node: string) => nodePeer(node) === peer,
    };
    const remaining = await movePods(client, options, signal);
    if (remaining.pods > 0) {
      states.push({ ...state, message: remaining.message });
      isWaiting = true;
      continue;
    }
    const why = await claims.withdraw(peer, name, signal);
    states.push(why === undefined ? { ...state, message: 'the twin is being removed' } : { ...state, message: why });
    isWaiting ||= why !== undefined;
  }
  return { states, isWaiting };
}

/** A twin that is being left keeps its name in the status, so that its pods can still be cleaned there. */
function keepTwin(previous: OffloadingPeerState | undefined): Pick<OffloadingPeerState, 'twin' | 'ownerUid'> {
  return {
    ...(previous?.twin !== undefined && { twin: previous.twin }),
    ...(previous?.ownerUid !== undefined && { ownerUid: previous.ownerUid }),
  };
}
