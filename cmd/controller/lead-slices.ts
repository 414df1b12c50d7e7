import { readAliases, translationTable } from '#network/ipam';
import { isConditionTrue, LABEL, type Peer } from '#pkg/api';
import { enqueueOn, keyOf } from '#pkg/kube';
import { TWIN } from '#pkg/offloading';
import { type Consumer, rawKeyOf, sliceReconciler } from '#pkg/slices';
import type { LeaderCaches } from './caches.ts';
import type { ControllerContext } from './context.ts';
import type { Leading } from './loops.ts';

/** Each waits for its own request; all slices of a consumer are written when its tunnel is lost, or back (REF-41). */
const WORKERS = 16;

/** Endpoints of consumers in their twins, under the addresses by which this cluster reaches them. */
export function leadSlices(
  { home, caches: { peers, namespaces } }: ControllerContext,
  { rawSlices, renderedSlices }: LeaderCaches,
  { loops, stack }: Leading,
): void {
  const originOf = (namespace: string): string | undefined => {
    const { labels = {}, deletionTimestamp } = namespaces.get(namespace)?.metadata ?? {};
    return labels[LABEL.component] === TWIN && deletionTimestamp === undefined ? labels[LABEL.origin] : undefined;
  };
  const consumerOf = (namespace: string) => {
    const peer = peers.get(originOf(namespace) ?? '');
    return peer === undefined ? undefined : consumerAs(peer);
  };
  const queue = loops.queue('slice');
  const deps = { client: home.client, raw: rawSlices, rendered: renderedSlices, consumerOf };
  loops.run(sliceReconciler(deps), queue, WORKERS);

  const enqueueWhere = (matches: (namespace: string) => boolean) => {
    for (const slice of rawSlices.list()) if (matches(slice.metadata.namespace ?? '')) queue.add(keyOf(slice));
  };
  stack.use(enqueueOn(rawSlices, queue, (slice) => [keyOf(slice)]));
  stack.use(enqueueOn(renderedSlices, queue, (slice) => [rawKeyOf(slice) ?? ''].filter((key) => key !== '')));
  stack.use(
    peers.on((old, current) => {
      const name = (current ?? old)?.metadata.name;
      if (factsOf(old) !== factsOf(current)) enqueueWhere((namespace) => originOf(namespace) === name);
    }),
  );
  stack.use(
    namespaces.on((old, current, isInitial) => {
      const name = (current ?? old)?.metadata.name;
      if (!isInitial) enqueueWhere((namespace) => namespace === name);
    }),
  );
}

/** What of a Peer its slices are made from. */
function factsOf(peer: Peer | undefined): string | undefined {
  return peer && JSON.stringify([peer.status?.network?.aliases, isReachable(peer)]);
}

function consumerAs(peer: Peer): Consumer {
  const aliases = readAliases(peer.status?.network?.aliases ?? []);
  const { translate } = translationTable(aliases.map(({ original, alias }) => [original, alias]));
  return { translate, isReachable: isReachable(peer) };
}

function isReachable({ status }: Peer): boolean {
  return isConditionTrue(status?.conditions, 'NetworkReady');
}
