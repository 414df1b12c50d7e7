import { runLinks } from '#network/link';
import type { PeerClusters } from '#pkg/peering';
import type { LeaderCaches } from './caches.ts';
import type { ControllerContext } from './context.ts';
import type { Leading } from './loops.ts';

/** Address ranges: what peers tell of theirs, and how we see them. */
export function leadNetwork(
  { home, clock, log, caches: { peers } }: ControllerContext,
  { networks, links }: LeaderCaches,
  connections: PeerClusters,
  { group }: Leading,
): void {
  group.start('links', (signal) =>
    runLinks(
      {
        client: home.client,
        informers: { peers, networks, links },
        connections,
        clock,
        log,
      },
      signal,
    ),
  );
}
