import { isDeepStrictEqual } from 'node:util';
import { LABEL } from '#pkg/api';
import { type KubeObject, namespacedInformers } from '#pkg/kube';
import { createQueue, done, type Reconciler, runReconciler, TaskGroup } from '#pkg/runtime';
import { type Addresses, addressesOf, homeStatus } from './load-balancer-status.ts';
import type { KindDeps } from './run-kind.ts';
import { homeNameOf } from './twin-object.ts';

/** Few objects have load balancers. */
const WORKERS = 2;

/**
 * Brings the load-balancer status of twins of one kind at one peer home, until `signal` aborts. Twins are watched only
 * where the namespace at home has an object whose status is to be reported. Keys are those of the kind's own loop.
 */
export async function runLoadBalancerStatus(deps: KindDeps, signal: AbortSignal): Promise<void> {
  const { home, reflector, homeKind, twins, remote, log } = deps;
  const { resource, loadBalancer: rule } = reflector;
  if (rule === undefined) throw new TypeError(`${resource.kind} has no load-balancer status`);
  const fieldManager = `tombolo-status-${remote.peer}`;
  const twinObjects = namespacedInformers<KubeObject>(remote.cluster, resource, {
    labelSelector: `${LABEL.origin}=${remote.origin}`,
    ...(rule.fieldSelector !== undefined && { fieldSelector: rule.fieldSelector }),
  });
  using queue = createQueue({ name: `${resource.kind}-status-${remote.peer}` });
  /** What we wrote last, by key; one entry per object with an address of this peer. */
  const written = new Map<string, Addresses>();
  let opened = new Set<string>();
  const follow = () => {
    const wanted = twins
      .list()
      .filter(({ home: name, twin }) => twin.namespace !== '' && homeKind.list(name).some(rule.isReported))
      .map(({ twin }) => twin.namespace);
    if (isDeepStrictEqual(opened, new Set(wanted))) return;
    opened = new Set(wanted);
    twinObjects.setNamespaces(opened);
  };

  /** What a process before this one wrote there: asked once per object, caches keep no managers of fields. */
  async function left(local: KubeObject, inner: AbortSignal): Promise<Addresses | undefined> {
    const { name, namespace = '' } = local.metadata;
    const { metadata } = await home.client.get(resource, { name, namespace }, { signal: inner });
    const isOurs = metadata.managedFields?.some((entry) => entry.manager === fieldManager) === true;
    return isOurs ? addressesOf(local) : undefined;
  }

  const reconciler: Reconciler = {
    name: `status of ${resource.plural}`,
    async reconcile(key, inner) {
      const local = homeKind.get(key);
      if (local === undefined) {
        written.delete(key);
        return done;
      }
      const { name, namespace = '', uid, resourceVersion } = local.metadata;
      const twin = twins.twinOf(namespace)?.namespace ?? '';
      if (opened.has(twin) && !twinObjects.isSynced(twin)) return done; // its first reading brings us here again
      const found = rule.isReported(local) ? twinObjects.get(`${twin}/${reflector.twinName(name)}`) : undefined;
      const hasAddress = addressesOf(local).length > 0;
      if (!written.has(key) && hasAddress) written.set(key, (await left(local, inner)) ?? []);
      const ingress = homeStatus(local, found, written.get(key));
      if (ingress === undefined) return done;
      const body = { metadata: { uid, resourceVersion }, status: { loadBalancer: { ingress } } };
      const options = { type: 'merge', subresource: 'status', fieldManager, signal: inner } as const;
      await home.client.patch(resource, { name, namespace }, body, options);
      written.set(key, ingress);
      return done;
    },
  };

  const enqueue = (namespace: string) => {
    for (const local of homeKind.list(namespace)) {
      if (rule.isReported(local) || addressesOf(local).length > 0) queue.add(`${namespace}/${local.metadata.name}`);
    }
  };
  const look = (namespace: string) => {
    follow();
    enqueue(namespace);
  };
  await using group = new TaskGroup(signal);
  using _home = homeKind.on((old, current) => {
    const object = current ?? old;
    if (object === undefined || ![old, current].some((one) => one !== undefined && rule.isReported(one))) return;
    follow();
    queue.add(`${object.metadata.namespace}/${object.metadata.name}`);
  });
  using _homeSynced = homeKind.onSynced(look);
  using _twin = twinObjects.on((old, current) => {
    const object = current ?? old;
    const namespace = object === undefined ? undefined : twins.homeOf(object.metadata.namespace ?? '');
    if (object !== undefined && namespace !== undefined) queue.add(`${namespace}/${homeNameOf(object)}`);
  });
  using _twinSynced = twinObjects.onSynced((namespace) => enqueue(twins.homeOf(namespace) ?? ''));
  using _table = twins.on(look);
  using _inputs = reflector.onChange(() => {
    for (const { home: namespace } of twins.list()) look(namespace);
  });
  follow();
  group.start('twins', (inner) => twinObjects.run(inner));
  group.start('reconciler', (inner) => runReconciler(reconciler, { queue, workers: WORKERS, signal: inner, log }));
  await group.settled;
}
