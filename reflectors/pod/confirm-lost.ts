import { LABEL } from '#pkg/api';
import { POD } from '#pkg/kube';
import { type PodParts, type PodRun, PREDECESSOR_MS } from './pod-run.ts';
import { asPod } from './status-writer.ts';
import { toLostStatus } from './to-local-status.ts';

/**
 * Asks the provider itself before a pod is called lost: the cache may be behind, and a verdict is for ever (POD-24).
 * A twin that cannot be read proves nothing.
 */
export async function confirmLost(
  parts: PodParts,
  { facts, notes, podUid }: PodRun,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { deps, link, writer } = parts;
  const { local, twin } = facts;
  if (local === undefined || twin === undefined) return undefined;
  const { client } = deps.remote.cluster;
  const labelSelector = `${LABEL.podUid}=${podUid}`;
  const query = { namespace: twin.namespace, labelSelector, limit: 1 };
  const { items } = await link.call((s) => client.list(POD, query, { signal: s }), signal);
  if (items.length > 0) return PREDECESSOR_MS;
  const message = `${facts.peer}: the pod had run there and is gone, and its end was not seen; it is not run again`;
  const status = toLostStatus(local, message, { nodeIsReady: undefined, now: deps.clock.wall() });
  await writer.writeNow(local, status, notes, signal);
  deps.events.event(asPod(local), 'Warning', 'RemotePodLost', message);
  return undefined;
}
