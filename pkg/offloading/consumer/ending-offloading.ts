import type { Offloading } from '#pkg/api';
import type { Namespace } from '#pkg/kube';
import { done, type ReconcileResult, requeueAfter } from '#pkg/runtime';
import { movePods } from './move-pods.ts';
import { DRAIN_CHECK_MS, nodesOfPeers, type OffloadingDeps, RETRY_PEER_MS } from './offloading-deps.ts';
import { peerState } from './offloading-status.ts';
import { removeFinalizer, writeStatus } from './offloading-writes.ts';
import { removeReflectionBinding } from './reflection-binding.ts';

const DEFAULT_DRAIN_TIMEOUT_S = 300;
/**
 * Pods made until so long after the deletion of the Offloading belong to what ends: the label went a moment later, and
 * creation times are whole seconds.
 */
const LAST_POD_MS = 3_000;

/** One look at an Offloading that was deleted: pods leave, claims are withdrawn, then the object may go. */
export async function endOffloading(
  deps: OffloadingDeps,
  namespace: Namespace,
  offloading: Offloading,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { client, claims, clock } = deps;
  const { name } = namespace.metadata;
  const nodePeer = nodesOfPeers(deps);
  const isNamespaceEnding = namespace.metadata.deletionTimestamp !== undefined;
  const previous = new Map((offloading.status?.peers ?? []).map((entry) => [entry.peer, entry]));
  const peers = [...new Set([...previous.keys(), ...claims.holding(name)])];
  const states = () => peers.map((peer) => peerState(peer, claims.view(peer, name), previous.get(peer), true));
  // First of all the kubelets must know: what is made from now on is not for there.
  let current = await writeStatus(
    deps,
    offloading,
    states(),
    { summary: 'Terminating', message: 'pods leave' },
    signal,
  );

  const deletedAt = Date.parse(offloading.metadata.deletionTimestamp ?? '');
  const madeBefore = new Date(deletedAt + LAST_POD_MS);
  const isEnding = (node: string) => nodePeer(node) !== undefined;
  const remaining = await movePods(client, { namespace: name, isNamespaceEnding, isEnding, madeBefore }, signal);
  if (remaining.pods > 0) {
    const limit = offloading.spec.drainTimeoutSeconds ?? DEFAULT_DRAIN_TIMEOUT_S;
    const isLate = clock.wall().getTime() - deletedAt > limit * 1000;
    const message = isLate
      ? `${remaining.message}; longer than ${limit} s: delete these pods to go on`
      : remaining.message;
    await writeStatus(deps, current, states(), { summary: 'Terminating', message }, signal);
    return requeueAfter(DRAIN_CHECK_MS);
  }
  const reachable = peers.filter((peer) => claims.view(peer, name).state === 'Known');
  const failures = await Promise.all(reachable.map((peer) => claims.withdraw(peer, name, signal)));
  // A peer that went away meanwhile is not waited for either: its claim is withdrawn when it returns (REF-13).
  const standing = reachable.filter(
    (peer, index) => failures[index] === undefined && claims.view(peer, name).state === 'Known',
  );
  if (standing.length > 0 && !isNamespaceEnding) {
    const message = `waits until the twin is gone at ${standing.join(', ')}`;
    current = await writeStatus(deps, current, states(), { summary: 'Terminating', message }, signal);
    return requeueAfter(RETRY_PEER_MS);
  }
  await removeReflectionBinding(client, name, signal);
  await removeFinalizer(deps, current, signal);
  return done;
}
