import { LABEL } from '#pkg/api';
import { enqueueOn, keyOf, withoutHeartbeats } from '#pkg/kube';
import { inviteReconciler, publishClusterInfo } from '#pkg/peering';
import { countPods, grantReconciler, Ledger, type QuotaRequest, type QuotaVerdict, quotaWebhook } from '#pkg/quota';
import type { LeaderCaches } from './caches.ts';
import type { ControllerContext } from './context.ts';
import type { Leading } from './loops.ts';

/** Grants, their counting, invites: what this cluster lends. Returns the decision of the quota webhook. */
export function leadProvider(
  context: ControllerContext,
  caches: LeaderCaches,
  { group, loops, stack }: Leading,
): (request: QuotaRequest) => QuotaVerdict {
  const { home, identity, provider, flags, clock, log, caches: shared } = context;
  const { client } = home;

  group.start('cluster info', (signal) =>
    publishClusterInfo(
      { client, identity, options: provider, configuredAddresses: flags.peeringAddresses, clock, log },
      signal,
    ),
  );
  const inviteQueue = loops.queue('invite');
  loops.run(inviteReconciler({ invites: caches.invites, client, clock }), inviteQueue);
  stack.use(enqueueOn(caches.invites, inviteQueue, (invite) => [keyOf(invite)]));

  const grantQueue = loops.queue('grant');
  const ledger = new Ledger(clock);
  const counting = stack.use(
    countPods({
      pods: caches.pods,
      namespaces: shared.namespaces,
      grants: caches.grants,
      ledger,
      onUse: (grant) => grantQueue.add(grant, { priority: 'low' }),
    }),
  );
  const { grants, nodes } = caches;
  const { offers } = flags;
  loops.run(
    grantReconciler({
      client,
      grants,
      nodes,
      peers: shared.peers,
      namespaces: shared.namespaces,
      ledger,
      counting,
      offers,
      clock,
    }),
    grantQueue,
  );
  const everyGrant = () => grants.list().map(keyOf);
  stack.use(enqueueOn(grants, grantQueue, (grant) => [keyOf(grant)]));
  stack.use(enqueueOn(withoutHeartbeats(nodes), grantQueue, everyGrant));
  stack.use(enqueueOn(shared.peers, grantQueue, everyGrant));
  stack.use(
    enqueueOn(shared.namespaces, grantQueue, ({ metadata }) =>
      metadata.labels?.[LABEL.origin] === undefined ? [] : everyGrant(),
    ),
  );
  return quotaWebhook({ ledger, counting, isCounting: () => !group.signal.aborted });
}
