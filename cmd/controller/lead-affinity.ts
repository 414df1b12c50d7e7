import { affinityReconciler, isUnwantedInTwin, serviceKeyOf, type Side, wantsAffinity } from '#pkg/affinity';
import { LABEL } from '#pkg/api';
import { ENDPOINT_SLICE, type EndpointSlice, enqueueOn, keyOf, type KubeObject, namespacedInformers } from '#pkg/kube';
import { hasOffloadLabel, TWIN, whyReserved } from '#pkg/offloading';
import type { LeaderCaches } from './caches.ts';
import type { ControllerContext } from './context.ts';
import type { Leading } from './loops.ts';

/** Each waits for its own requests; all Services of a peer change when it is lost, or back. */
const WORKERS = 8;
/** Of each the slices are watched; a Service in one more is as if it preferred nothing. */
const MAX_NAMESPACES = 1_000;

const NATIVE = 'endpointslice.kubernetes.io/managed-by=endpointslice-controller.k8s.io';

/** What the affinity of Services means for the slices of consumers in their twins. */
export interface TwinPreference {
  /** See `SliceDeps`. */
  isUnwanted(raw: EndpointSlice): boolean | undefined;
  /** `handler` runs when that may have changed for the slices of a Service (`namespace/name`). */
  onPreference(handler: (service: string) => void): Disposable;
}

/** Which endpoints proxies use, of Services that prefer those of one cluster. */
export function leadAffinity(
  { home, events, log, caches: { namespaces, virtualNodes } }: ControllerContext,
  { services, standIns, renderedSlices }: LeaderCaches,
  { group, loops, stack }: Leading,
): TwinPreference {
  const sideOf = (name: string): Side | undefined => {
    const { labels, deletionTimestamp } = namespaces.get(name)?.metadata ?? {};
    if (deletionTimestamp !== undefined) return undefined;
    if (labels?.[LABEL.component] === TWIN) return 'twin';
    return hasOffloadLabel(labels) && whyReserved({ name, labels }) === undefined ? 'home' : undefined;
  };
  const natives = namespacedInformers(home, ENDPOINT_SLICE, { labelSelector: NATIVE });
  natives.onError((error, namespace) => log.debug({ error, namespace }, 'watch of slices'));
  let watched: ReadonlySet<string> = new Set();
  const wanting = () => services.byIndex('affinity', 'wanted');
  const follow = () => {
    // First where something was changed: that is kept, or taken back.
    const inUse = [...standIns.list(), ...wanting().filter((service) => sideOf(namespaceOf(service)) !== undefined)];
    const names = [...new Set(inUse.map(namespaceOf))];
    if (names.length > MAX_NAMESPACES) log.warn({ namespaces: names.length }, 'too many for service affinity');
    watched = new Set(names.slice(0, MAX_NAMESPACES));
    natives.setNamespaces(watched);
  };

  const queue = loops.queue('affinity');
  const isVirtualNode = (name: string) => virtualNodes.get(name) !== undefined;
  const deps = {
    client: home.client,
    services,
    natives,
    standIns,
    rendered: renderedSlices,
    sideOf,
    isVirtualNode,
    events,
  };
  loops.run(affinityReconciler(deps), queue, WORKERS);
  const handlers = new Set<(service: string) => void>();
  const look = (key: string | undefined) => {
    if (key === undefined) return;
    queue.add(key);
    for (const handler of handlers) handler(key);
  };
  const lookAt = (isMeant: (namespace: string) => boolean) => {
    for (const service of wanting()) if (isMeant(namespaceOf(service))) look(keyOf(service));
    for (const slice of standIns.list()) if (isMeant(namespaceOf(slice))) look(serviceKeyOf(slice));
  };

  stack.use(
    services.on((old, current) => {
      const concerned = [old, current].find((service) => service !== undefined && wantsAffinity(service));
      if (concerned === undefined) return;
      follow();
      look(keyOf(concerned));
    }),
  );
  stack.use(
    standIns.on((old, current) => {
      if (old === undefined || current === undefined) follow();
      look(serviceKeyOf(current ?? old ?? NOTHING));
    }),
  );
  stack.use(
    namespaces.on((old, current, isInitial) => {
      if (isInitial) return;
      follow();
      lookAt((namespace) => namespace === (current ?? old)?.metadata.name);
    }),
  );
  stack.use(
    virtualNodes.on((old, current, isInitial) => {
      if (!isInitial && (old === undefined || current === undefined)) lookAt(() => true);
    }),
  );
  stack.use(natives.on((old, current) => look(serviceKeyOf(current ?? old ?? NOTHING))));
  stack.use(natives.onSynced((synced) => lookAt((namespace) => namespace === synced)));
  stack.use(enqueueOn(renderedSlices, queue, (slice) => [serviceKeyOf(slice) ?? ''].filter((key) => key !== '')));
  group.start('slices of Services with an affinity', (signal) => natives.run(signal));

  return {
    isUnwanted(raw) {
      const namespace = namespaceOf(raw);
      const key = `${namespace}/${raw.metadata.labels?.[LABEL.serviceName]}`;
      return isUnwantedInTwin(raw, services.get(key), () => {
        if (!watched.has(namespace)) return [];
        if (!natives.isSynced(namespace)) return undefined;
        return natives.list(namespace).filter((slice) => serviceKeyOf(slice) === key);
      });
    },
    onPreference(handler) {
      handlers.add(handler);
      return { [Symbol.dispose]: () => void handlers.delete(handler) };
    },
  };
}

/** An informer never tells of neither. */
const NOTHING: EndpointSlice = { metadata: { name: '' }, addressType: 'IPv4', endpoints: [] };

const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? '';
