import { type Cluster, EVENT, type KubeObject, namespacedInformers, type Resource } from '#pkg/kube';
import { type Clock, createQueue, type Log, runReconciler, systemClock, TaskGroup } from '#pkg/runtime';
import { liveTwins, type TwinTable } from '#reflectors/framework';
import { eventRelay } from './event-relay.ts';
import { originFinder } from './find-origin.ts';

/** That a wrapper made its pod is no news to somebody who never saw the wrapper. The API server leaves these out. */
const NOT_OF_WRAPPING = 'reason!=SuccessfulCreate,reason!=SuccessfulDelete';

export interface EventReflectorDeps {
  readonly home: Pick<Cluster, 'client'>;
  /** Structurally a `PeerCluster` of `#pkg/peering`. */
  readonly remote: { readonly peer: string; readonly origin: string; readonly cluster: Cluster };
  /** Complete before this is called. */
  readonly twins: TwinTable;
  /** Kinds that are copied, besides pods. */
  readonly kinds: readonly Resource[];
  /** The object at home of such a kind, or the pod, by `namespace/name`; undefined where it is not there. */
  readonly localOf: (resource: Resource, key: string) => KubeObject | undefined;
  readonly log: Log;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** Brings the Events of all twins at one peer home, until `signal` aborts. One watch per twin, in which nothing is kept. */
export async function runEventReflector(deps: EventReflectorDeps, signal: AbortSignal): Promise<void> {
  const { home, remote, twins, kinds, localOf, log, clock = systemClock } = deps;
  const { peer, cluster } = remote;
  using queue = createQueue({ name: `events-${peer}`, clock });
  const origins = originFinder(remote, kinds);
  const relay = eventRelay({ peer, client: home.client, origins, homeOf: twins.homeOf, localOf, clock, log });
  const events = namespacedInformers(cluster, EVENT, { keep: false, fieldSelector: NOT_OF_WRAPPING });
  const follow = () => events.setNamespaces(liveTwins(twins).map(({ twin }) => twin.namespace));

  await using group = new TaskGroup(signal);
  using _events = events.on((_, event, isInitial) => {
    const taken = event === undefined ? undefined : relay.take(event, isInitial);
    if (taken !== undefined) queue.add(taken.key, { priority: taken.priority });
  });
  using _table = twins.on(follow);
  follow();
  group.start('events there', (inner) => events.run(inner));
  // One at a time: what one object after the other has to say is worth no more than one connection to either side.
  group.start('events here', (inner) => runReconciler(relay.reconciler, { queue, signal: inner, log, clock }));
  await group.settled;
}
