import { translationTable } from '#network/ipam';
import { pathsOf, tellsOf } from '#network/transit';
import { isConditionTrue, LABEL, type Peer } from '#pkg/api';
import { enqueueOn, keyOf } from '#pkg/kube';
import { TWIN } from '#pkg/offloading';
import { type Consumer, rawKeyOf, sliceReconciler } from '#pkg/slices';
import type { LeaderCaches } from './caches.ts';
import type { ControllerContext } from './context.ts';
import type { TwinPreference } from './lead-affinity.ts';
import type { Leading } from './loops.ts';

/** Each waits for its own request; all slices of a consumer are written when its tunnel is lost, or back (REF-41). */
const WORKERS = 16;

/** Endpoints of consumers in their twins, under the addresses by which this cluster reaches them. */
export function leadSlices(
  { home, caches: { peers, namespaces } }: ControllerContext,
  { rawSlices, renderedSlices }: LeaderCaches,
  { isUnwanted, onPreference }: TwinPreference,
  { loops, stack }: Leading,
): void {
  const originOf = (namespace: string): string | undefined => {
    const { labels = {}, deletionTimestamp } = namespaces.get(namespace)?.metadata ?? {};
    return labels[LABEL.component] === TWIN && deletionTimestamp === undefined ? labels[LABEL.origin] : undefined;
  };
  const consumerOf = (namespace: string) => {
    const peer = peers.get(originOf(namespace) ?? '');
    return peer === undefined ? undefined : consumerAs(peer, peers.list());
  };
  const queue = loops.queue('slice');
  const deps = { client: home.client, raw: rawSlices, rendered: renderedSlices, consumerOf, isUnwanted };
  loops.run(sliceReconciler(deps), queue, WORKERS);

  const enqueueWhere = (matches: (namespace: string) => boolean) => {
    for (const slice of rawSlices.list()) if (matches(slice.metadata.namespace ?? '')) queue.add(keyOf(slice));
  };
  stack.use(enqueueOn(rawSlices, queue, (slice) => [keyOf(slice)]));
  stack.use(
    onPreference((service) => {
      for (const slice of rawSlices.byIndex('service', service)) queue.add(keyOf(slice));
    }),
  );
  stack.use(enqueueOn(renderedSlices, queue, (slice) => [rawKeyOf(slice) ?? ''].filter((key) => key !== '')));
  stack.use(
    peers.on((old, current) => {
      const peer = current ?? old;
      if (peer === undefined || factsOf(old) === factsOf(current)) return;
      // Its own, and those of consumers with endpoints in its cluster: the path there may be another one now.
      const affected = new Set([peer, ...peers.list().filter((one) => tellsOf(one, peer))].map(nameOf));
      enqueueWhere((namespace) => affected.has(originOf(namespace) ?? ''));
    }),
  );
  stack.use(
    namespaces.on((old, current, isInitial) => {
      const name = (current ?? old)?.metadata.name;
      if (!isInitial) enqueueWhere((namespace) => namespace === name);
    }),
  );
}

const nameOf = ({ metadata }: Peer): string => metadata.name;

/** What of a Peer its slices are made from. */
function factsOf(peer: Peer | undefined): string | undefined {
  if (peer === undefined) return undefined;
  const { aliases, transit } = peer.status?.network ?? {};
  return JSON.stringify([aliases, transit, isReachable(peer)]);
}

function consumerAs(peer: Peer, all: readonly Peer[]): Consumer {
  const { translate } = translationTable(pathsOf(peer, all));
  return { translate, isReachable: isReachable(peer) };
}

function isReachable({ status }: Peer): boolean {
  return isConditionTrue(status?.conditions, 'NetworkReady');
}
