import type { Peer } from '#pkg/api';
import { type LevelLoop, pokeSoon } from '#pkg/runtime';
import type { GatewayDeps } from './gateway-deps.ts';
import { factsOfNode } from './node-facts.ts';

/** Pods come and go by hundreds: what they change is looked at a few times a second. */
const PODS_MS = 200;

/** Pokes the loops of a gateway when objects change that they read. */
export function followObjects(
  { informers, clock }: Pick<GatewayDeps, 'informers' | 'clock'>,
  { apply, dial, report }: Readonly<Record<'apply' | 'dial' | 'report', LevelLoop>>,
): Disposable {
  using stack = new DisposableStack();
  const soon = stack.use(pokeSoon(apply, PODS_MS, clock));
  stack.use(informers.networks.on(() => apply.poke()));
  stack.use(informers.keys.on(() => apply.poke()));
  stack.use(
    informers.nodes.on((old, current) => {
      if (JSON.stringify(old && factsOfNode(old)) !== JSON.stringify(current && factsOfNode(current))) apply.poke();
    }),
  );
  stack.use(
    informers.pods.on((old, current) => {
      if (JSON.stringify(old?.status) !== JSON.stringify(current?.status)) soon.poke();
    }),
  );
  stack.use(informers.offers.on(() => soon.poke()));
  stack.use(informers.namespaces.on(() => apply.poke()));
  stack.use(
    informers.offloadings.on((old, current) => {
      if (JSON.stringify(old?.status?.peers) !== JSON.stringify(current?.status?.peers)) apply.poke();
    }),
  );
  stack.use(
    informers.peers.on((old, current) => {
      if (old && current && factsOfPeer(old) === factsOfPeer(current)) return;
      for (const loop of [apply, dial, report]) loop.poke();
    }),
  );
  return stack.move();
}

function factsOfPeer({ spec, status }: Peer): string {
  return JSON.stringify([spec.transit, status?.network]);
}
