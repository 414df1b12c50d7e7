import { LABEL } from '#pkg/api';
import { POD } from '#pkg/kube';
import { endFor } from './plan-release.ts';
import { OUTDATED_MS, type PodParts, type PodRun, PREDECESSOR_MS } from './pod-run.ts';
import { readVerdict } from './read-verdict.ts';
import { asPod } from './status-writer.ts';
import { toLostStatus, toUnstartedStatus } from './to-local-status.ts';

/**
 * Asks the provider itself before a pod is called lost: the cache may be behind, its end may have been kept there while we
 * were away (POD-23), and a verdict is for ever (POD-24). A twin that cannot be read proves nothing.
 */
export async function confirmLost(
  { deps, link, writer }: PodParts,
  { facts, notes, podUid }: PodRun,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { local, twin } = facts;
  if (local === undefined || twin === undefined) return undefined;
  const { client } = deps.remote.cluster;
  const query = { namespace: twin.namespace, labelSelector: `${LABEL.podUid}=${podUid}`, limit: 1 };
  const { items } = await link.call((s) => client.list(POD, query, { signal: s }), signal);
  if (items.some((remote) => endFor(local, remote) !== 'lost')) return PREDECESSOR_MS;
  const kept = items.length > 0 ? undefined : await readVerdict(podUid, { remote: deps.remote, link }, signal);
  if (kept !== undefined && endFor(local, kept) !== 'lost') {
    notes.departed = kept;
    return OUTDATED_MS;
  }
  const message = `${facts.peer}: the pod had run there and is gone, and its end was not seen; it is not run again`;
  const status = toLostStatus(local, message, { nodeIsReady: undefined, now: deps.clock.wall() });
  await writer.writeNow(local, status, notes, signal);
  deps.events.event(asPod(local), 'Warning', 'RemotePodLost', message);
  return undefined;
}

/** The local pod is made again as if no kubelet had taken it; only a status that is written may be relied on for that. */
export async function forgetStart(
  { deps, writer }: PodParts,
  { facts, notes }: PodRun,
  signal: AbortSignal,
): Promise<void> {
  if (facts.local === undefined) return;
  const status = toUnstartedStatus(facts.local, { nodeIsReady: undefined, now: deps.clock.wall() });
  await writer.writeNow(facts.local, status, notes, signal);
}
