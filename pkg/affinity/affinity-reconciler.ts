import { LRUCache } from 'lru-cache';
import { HEADLESS, HIDDEN } from '#pkg/api';
import {
  apiVersionOf,
  ENDPOINT_SLICE,
  type EndpointSlice,
  type EventRecorder,
  type Informer,
  KubeError,
  type KubeClient,
  type NamespacedInformers,
  SERVICE,
  type Service,
  splitKey,
} from '#pkg/kube';
import { done, type Reconciler, requeueAfter } from '#pkg/runtime';
import { affinityOf, type Side } from './affinity-of.ts';
import type { AffinityError } from './errors.ts';
import { chosenEndpoints, type Endpoint, portsServed } from './choose-endpoints.ts';
import { planSlices, type SliceStep } from './plan-slices.ts';

const SERVICE_NAME = 'kubernetes.io/service-name';

/** A cache that is behind, or an object of somebody else under that name, which may go at any time. */
const RETRY_MS = 500;
/** Services that are remembered as told; one that is forgotten is told about once more. */
const MAX_TOLD = 5_000;

export interface AffinityDeps {
  readonly client: Pick<KubeClient, 'create' | 'replace' | 'delete' | 'patch'>;
  /** Of all namespaces, at least as much of them as `trimToAffinity` leaves. */
  readonly services: Pick<Informer<Service>, 'get'>;
  /** Slices of Kubernetes' own controller, in namespaces where somebody prefers something or did. */
  readonly natives: Pick<NamespacedInformers<EndpointSlice>, 'list' | 'isSynced'>;
  /** Slices managed by `AFFINITY_MANAGER`. */
  readonly standIns: SlicesByService;
  /** In twins: slices with the endpoints of the consumer. */
  readonly rendered: SlicesByService;
  sideOf(namespace: string): Side | undefined;
  /** Whether a node stands for another cluster. */
  isVirtualNode(name: string): boolean;
  readonly events: Pick<EventRecorder, 'event'>;
}

/** An informer with an index `service`, by {@link serviceKeyOf}. */
export type SlicesByService = Pick<Informer<EndpointSlice>, 'byIndex'>;

/** `namespace/name` of the Service whose endpoints a slice holds; undefined for a slice of nobody. */
export function serviceKeyOf({ metadata }: EndpointSlice): string | undefined {
  const name = metadata.labels?.[SERVICE_NAME];
  return name === undefined ? undefined : `${metadata.namespace}/${name}`;
}

/**
 * Keeps the slices of one Service as its affinity wants them. Key: that of the Service, also of one that is gone. Safe to
 * run at any time: each run starts from what stands, and what it left half done it ends.
 */
export function affinityReconciler(deps: AffinityDeps): Reconciler {
  const { client, services, natives, standIns, sideOf, events } = deps;
  const told = new LRUCache<string, string>({ max: MAX_TOLD });

  /** One event for each different sentence. */
  function tell(service: Service, problem: AffinityError | undefined): void {
    const id = service.metadata.uid ?? '';
    if (problem === undefined) told.delete(id);
    if (problem === undefined || told.get(id) === problem.message) return;
    told.set(id, problem.message);
    const involved = { ...service, apiVersion: apiVersionOf(SERVICE), kind: SERVICE.kind };
    events.event(involved, 'Warning', problem.code, problem.message);
  }

  return {
    name: 'affinity',
    async reconcile(key, signal) {
      const { namespace = '' } = splitKey(key);
      const side = sideOf(namespace);
      const service = services.get(key);
      const wish = service === undefined ? undefined : affinityOf(service, side);
      // At a provider nobody looks for it; its home says the same.
      if (service !== undefined && side === 'home') tell(service, wish?.problem);
      const standing = standIns.byIndex('service', key);
      const affinity = wish?.affinity ?? 'none';
      if (affinity === 'none' && standing.length === 0) return done;
      if (!natives.isSynced(namespace)) return done; // who opened that cache calls when it has been read
      const own = natives.list(namespace).filter((slice) => serviceKeyOf(slice) === key);
      const chosen = choice(key, side, affinity, own, deps);
      try {
        for (const step of planSlices({ natives: own, standIns: standing, chosen })) await act(client, step, signal);
        return done;
      } catch (error) {
        const isBehind = error instanceof KubeError && (error.isNotFound || error.isConflict || error.isAlreadyExists);
        if (isBehind) return requeueAfter(RETRY_MS);
        throw error;
      }
    },
  };
}

/**
 * What is left of a slice of Kubernetes' own controller; undefined where that needs no stand-in. Slices of a twin hold
 * endpoints of this cluster alone, so that only `remote` leaves some out; `local` leaves out those of the consumer, which
 * come in slices of our making.
 */
function choice(
  key: string,
  side: Side | undefined,
  affinity: string,
  own: readonly EndpointSlice[],
  { rendered, isVirtualNode }: AffinityDeps,
): ((native: EndpointSlice) => Endpoint[]) | undefined {
  if (side === 'twin') {
    if (affinity !== 'remote') return undefined;
    const served = portsServed(rendered.byIndex('service', key), () => true);
    return (native) => chosenEndpoints(native, served, () => false);
  }
  if (affinity === 'none') return undefined;
  const isPreferred = ({ nodeName }: Endpoint) =>
    (nodeName !== undefined && isVirtualNode(nodeName)) === (affinity === 'remote');
  const served = portsServed(own, isPreferred);
  return (native) => chosenEndpoints(native, served, isPreferred);
}

async function act(client: AffinityDeps['client'], step: SliceStep, signal: AbortSignal): Promise<void> {
  const { name, namespace, uid } = step.slice.metadata;
  const ref = { name, ...(namespace !== undefined && { namespace }) };
  switch (step.do) {
    case 'create':
      await client.create(ENDPOINT_SLICE, step.slice, { signal });
      break;
    case 'replace':
      await client.replace(ENDPOINT_SLICE, step.slice, { signal });
      break;
    case 'delete':
      await client.delete(ENDPOINT_SLICE, ref, { ...(uid !== undefined && { uid }), signal });
      break;
    case 'hide':
    case 'show': {
      const body = { metadata: { labels: { [HEADLESS]: step.do === 'hide' ? HIDDEN : null } } };
      await client.patch(ENDPOINT_SLICE, ref, body, { type: 'merge', signal });
      break;
    }
  }
}
