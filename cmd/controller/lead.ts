import { startCaches } from '#pkg/kube';
import { peerClusters } from '#pkg/peering';
import { TaskGroup } from '#pkg/runtime';
import { leaderCaches } from './caches.ts';
import type { ControllerContext } from './context.ts';
import { leadAffinity } from './lead-affinity.ts';
import { leadApproval } from './lead-approval.ts';
import { leadConsumer } from './lead-consumer.ts';
import { leadDiscovery } from './lead-discovery.ts';
import { leadOffloading } from './lead-offloading.ts';
import { leadNetwork } from './lead-network.ts';
import { leadProvider } from './lead-provider.ts';
import { leadSlices } from './lead-slices.ts';
import type { LeaderLabel } from './leader-label.ts';
import { loopsIn } from './loops.ts';
import { runQuota } from './webhooks.ts';

/** What only one replica does. Ends with the lease. */
export async function lead(context: ControllerContext, label: LeaderLabel, signal: AbortSignal): Promise<void> {
  // Before anything is read: the way of a label to the rules of the nodes takes as long, and one that leads on after an
  // outage of the API server keeps the label that it has.
  label.set(true);
  try {
    await leadNow(context, signal);
  } finally {
    label.set(false);
  }
}

async function leadNow(context: ControllerContext, signal: AbortSignal): Promise<void> {
  const { home, flags, provider, log } = context;
  const caches = leaderCaches(home, flags.systemNamespace);
  await using stack = new AsyncDisposableStack();
  const group = stack.use(new TaskGroup(signal));
  await startCaches(caches, group);
  if (group.signal.aborted) return await group.settled;

  const clusters = peerClusters({ home, credentials: caches.secrets, log, version: provider.version });
  group.start('connections to peers', (inner) => clusters.run(inner));
  const leading = { group, stack, loops: loopsIn(group, stack, log, context.metrics) };
  leadConsumer(context, caches, clusters, leading);
  leadApproval(context, caches, leading);
  leadOffloading(context, caches, clusters, leading);
  leadNetwork(context, caches, clusters, leading);
  const preference = leadAffinity(context, caches, leading);
  leadSlices(context, caches, preference, leading);
  leadDiscovery(context, caches, leading);
  const decide = leadProvider(context, caches, leading);
  group.start('quota webhook', (inner) => runQuota(context, decide, inner));
  log.info({ pod: flags.podName }, 'leading');
  await group.settled;
}
