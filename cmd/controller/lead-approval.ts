import { type DiscoveredCluster, type PeeringRequest } from '#pkg/api';
import { enqueueOn, keyOf } from '#pkg/kube';
import { askByRuleReconciler, requestReconciler, requestRef, rulesOf } from '#pkg/peering';
import type { LeaderCaches } from './caches.ts';
import type { ControllerContext } from './context.ts';
import type { Leading } from './loops.ts';

/** Requests of other clusters, and what rules decide by themselves. */
export function leadApproval(context: ControllerContext, caches: LeaderCaches, { loops, stack }: Leading): void {
  const { home, identity, flags, clock, log, caches: shared } = context;
  const { client } = home;
  const { requests, peers } = shared;
  const rules = rulesOf(
    () => caches.rules.list(),
    () => caches.discovered.list(),
  );
  const common = { rules, client, clusterName: flags.clusterName, clock, log };

  const requestQueue = loops.queue('peering-request');
  loops.run(requestReconciler({ ...common, requests, fingerprint: identity.fingerprint }), requestQueue);
  const everyRequest = () => requests.list().map(keyOf);
  stack.use(enqueueOn(requests, requestQueue, (request: PeeringRequest) => [keyOf(request)]));
  stack.use(enqueueOn(caches.rules, requestQueue, everyRequest));
  // A record may be what a rule waits for.
  stack.use(
    enqueueOn(caches.discovered, requestQueue, ({ spec }: DiscoveredCluster) => [
      keyOf({ metadata: requestRef(spec.fingerprint) }),
    ]),
  );

  const askQueue = loops.queue('ask-by-rule');
  loops.run(askByRuleReconciler({ ...common, found: caches.discovered, peers }), askQueue);
  stack.use(enqueueOn(caches.discovered, askQueue, (record) => [keyOf(record)]));
  stack.use(enqueueOn(caches.rules, askQueue, () => caches.discovered.list().map(keyOf)));
}
