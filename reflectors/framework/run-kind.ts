import { LABEL } from '#pkg/api';
import { type KubeObject, type NamespacedInformers, namespacedInformers } from '#pkg/kube';
import { createQueue, type Queue, runReconciler, TaskGroup } from '#pkg/runtime';
import type { HomeKind } from './home-objects.ts';
import { kindReconciler } from './kind-reconciler.ts';
import { runLoadBalancerStatus } from './run-load-balancer-status.ts';
import type { ReflectionMetrics } from './metrics.ts';
import type { Reflector } from './reflector.ts';
import type { ReflectionDeps } from './run-reflectors.ts';
import { homeNameOf } from './twin-object.ts';
import { liveTwins } from './twin-table.ts';

/** Objects worked at once per peer and kind; each waits for its own requests. */
const WORKERS = 8;

export interface KindDeps extends ReflectionDeps {
  readonly metrics: ReflectionMetrics;
  readonly reflector: Reflector;
  readonly homeKind: HomeKind;
  /** Of the owners, where the kind has such. */
  readonly ownerKind: HomeKind | undefined;
}

/** Twin objects with our label, metadata only, in those twins in which there is something to watch. */
export type TwinObjects = NamespacedInformers<KubeObject>;

/**
 * The loop of one kind at one peer. Keys are `<home namespace>/<name at home>`. Watches at home follow the twin table; those
 * at the provider open with the first object of a twin, or with what an earlier run has left there.
 */
export async function runKind(deps: KindDeps, signal: AbortSignal): Promise<void> {
  const { reflector, homeKind, ownerKind, twins, remote, policies, log } = deps;
  const { kind } = reflector.resource;
  using queue = createQueue({ name: `${kind}-${remote.peer}` });
  const twinObjects: TwinObjects = namespacedInformers(remote.cluster, reflector.resource, {
    metadataOnly: true,
    labelSelector: twinSelector(remote.origin),
  });
  const opened = new Set<string>();
  const open = (namespace: string) => {
    if (opened.has(namespace)) return;
    opened.add(namespace);
    twinObjects.setNamespaces(opened);
  };
  const owner = {};
  const live = () => liveTwins(twins);
  const follow = () => {
    homeKind.need(
      owner,
      live().map(({ home }) => home),
    );
    const namespaces = new Set(live().map(({ twin }) => twin.namespace));
    for (const namespace of opened) if (!namespaces.has(namespace)) opened.delete(namespace);
    twinObjects.setNamespaces(opened);
  };
  const enqueueOwned = (owner: KubeObject) => {
    const { name, namespace } = owner.metadata;
    for (const local of homeKind.list(namespace)) {
      if (reflector.owner?.nameOf(local) === name) queue.add(`${namespace}/${local.metadata.name}`);
    }
  };
  const enqueueHome = (namespace: string) => enqueueNamespace(queue, homeKind, twinObjects, namespace, deps);

  await using group = new TaskGroup(signal);
  using _need = { [Symbol.dispose]: () => homeKind.need(owner, []) };
  using _home = homeKind.on((old, current, isInitial) => {
    const object = current ?? old;
    if (object !== undefined && twins.twinOf(object.metadata.namespace ?? '') !== undefined) {
      queue.add(`${object.metadata.namespace}/${object.metadata.name}`, { priority: isInitial ? 'low' : 'high' });
    }
  });
  using _twin = twinObjects.on((old, current, isInitial) => {
    const object = current ?? old;
    const home = object === undefined ? undefined : twins.homeOf(object.metadata.namespace ?? '');
    if (object === undefined || home === undefined) return;
    queue.add(`${home}/${homeNameOf(object)}`, { priority: isInitial ? 'low' : 'high' });
  });
  using _homeSynced = homeKind.onSynced(enqueueHome);
  using _owners = ownerKind?.on((old, current) => {
    const owner = current ?? old;
    if (owner !== undefined && twins.twinOf(owner.metadata.namespace ?? '') !== undefined) enqueueOwned(owner);
  });
  using _ownersSynced = ownerKind?.onSynced(enqueueHome);
  using _twinSynced = twinObjects.onSynced((namespace) => {
    const home = twins.homeOf(namespace);
    if (home !== undefined) enqueueHome(home);
  });
  using _table = twins.on((home) => {
    follow();
    enqueueHome(home);
  });
  const enqueueAll = () => {
    for (const { home } of live()) enqueueHome(home);
  };
  using _policies = policies.on(enqueueAll);
  using _inputs = reflector.onChange(enqueueAll);
  follow();
  group.start('twin objects', (s) => twinObjects.run(s));
  if (reflector.loadBalancer !== undefined) {
    group.start('load balancers', (s) => runLoadBalancerStatus(deps, s));
  }
  group.start('left-overs', (s) => openLeftOvers(deps, open, s));
  const reconciler = kindReconciler(deps, twinObjects, open);
  group.start('reconciler', (s) => runReconciler(reconciler, { queue, workers: WORKERS, signal: s, log }));
  await group.settled;
}

/** What this package made: what belongs to one pod is the pod reflector's. */
function twinSelector(origin: string): string {
  return `${LABEL.origin}=${origin},!${LABEL.podUid}`;
}

function enqueueNamespace(
  queue: Queue,
  homeKind: HomeKind,
  twinObjects: TwinObjects,
  home: string,
  { twins }: KindDeps,
): void {
  for (const { metadata } of homeKind.list(home)) queue.add(`${home}/${metadata.name}`, { priority: 'low' });
  const twin = twins.twinOf(home);
  if (twin === undefined || twin.namespace === '') return;
  for (const object of twinObjects.list(twin.namespace))
    queue.add(`${home}/${homeNameOf(object)}`, { priority: 'low' });
}

/** How long after a failed look at a twin the next one comes. */
const LOOK_AGAIN_MS = 15_000;

/**
 * Opens the watch of twins in which an earlier run has left objects although nothing at home asks for a watch now: what was
 * deleted while we were away must go (REF-28). One LIST of one object per twin.
 */
async function openLeftOvers(deps: KindDeps, open: (namespace: string) => void, signal: AbortSignal): Promise<void> {
  const { twins, remote, reflector, log } = deps;
  const looked = new Set<string>();
  let wake = Promise.withResolvers<void>();
  using _twins = twins.on(() => wake.resolve());
  signal.addEventListener('abort', () => wake.resolve(), { once: true });
  while (!signal.aborted) {
    wake = Promise.withResolvers<void>();
    let hasFailed = false;
    for (const { twin } of twins.list()) {
      if (twin.state !== 'Accepted' || twin.namespace === '' || looked.has(twin.namespace)) continue;
      try {
        const query = { namespace: twin.namespace, labelSelector: twinSelector(remote.origin), limit: 1 };
        const { items } = await remote.cluster.client.list(reflector.resource, query, { signal });
        if (items.length > 0) open(twin.namespace);
        looked.add(twin.namespace);
      } catch (error) {
        if (signal.aborted) return;
        hasFailed = true; // the peer is away: once it is back the next look succeeds
        log.debug({ twin: twin.namespace, error: String(error) }, 'could not look for left-overs');
      }
    }
    using _timer = hasFailed ? timer(() => wake.resolve(), LOOK_AGAIN_MS) : undefined;
    await wake.promise;
  }
}

function timer(run: () => void, ms: number): Disposable {
  const handle = setTimeout(run, ms);
  return { [Symbol.dispose]: () => clearTimeout(handle) };
}
