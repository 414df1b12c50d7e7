import { enqueueOn } from '#pkg/kube';
import { heldIn, runNamespaceClaims, runOffloadings, verdictKeeper } from '#pkg/offloading';
import type { PeerClusters } from '#pkg/peering';
import type { LeaderCaches } from './caches.ts';
import type { ControllerContext } from './context.ts';
import type { Leading } from './loops.ts';

/** Namespaces: those of ours that run elsewhere too, and the twins of others here. */
export function leadOffloading(
  context: ControllerContext,
  caches: LeaderCaches,
  peers: PeerClusters,
  { group, loops, stack }: Leading,
): void {
  const { home, events, clock, log, caches: shared } = context;
  const { client } = home;
  const { namespaces, offloadings, virtualNodes } = shared;
  group.start('offloadings', (signal) =>
    runOffloadings(
      { client, informers: { namespaces, offloadings, virtualNodes, nodes: caches.nodes }, peers, events, clock, log },
      signal,
    ),
  );
  group.start('namespace claims', (signal) =>
    runNamespaceClaims(
      {
        client,
        informers: { claims: caches.claims, peers: shared.peers, namespaces },
        offers: context.flags.offers,
        clock,
        log,
      },
      signal,
    ),
  );

  const verdicts = loops.queue('verdict');
  loops.run(verdictKeeper({ client, pods: caches.pods, namespaces, clock }), verdicts);
  stack.use(enqueueOn(caches.pods, verdicts, heldIn));
  // One that is being removed waits for nobody.
  stack.use(
    enqueueOn(namespaces, verdicts, ({ metadata }) =>
      metadata.deletionTimestamp === undefined ? [] : [metadata.name],
    ),
  );
}
