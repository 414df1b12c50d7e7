import { LABEL, NAME, type Offloading, OFFLOADING, type VirtualNode } from '#pkg/api';
import {
  type DaemonSet,
  type Informer,
  isNotFound,
  type KubeClient,
  NAMESPACE,
  type Namespace,
  type Pod,
} from '#pkg/kube';
import { isLabelRemovalNoted } from '../label-removal.ts';
import { hasOffloadLabel, type NamespaceFacts, whyReserved } from '../reserved.ts';
import { admitDaemonSet } from './daemon-set-admission.ts';
import { admitOffloading } from './offloading-admission.ts';
import { admitPod } from './pod-admission.ts';
import { ALLOWED, type AdmissionHandler, type AdmissionRequest, denied } from './review.ts';

export interface AdmissionDeps {
  /** Of the home cluster; must be synced before the server begins to answer. */
  readonly namespaces: Pick<Informer<Namespace>, 'get'>;
  readonly offloadings: Pick<Informer<Offloading>, 'get'>;
  readonly client: Pick<KubeClient, 'get' | 'patch'>;
  /** Why a VirtualNode must not be made (NODE-05), in one sentence; undefined where it may be. */
  readonly denyVirtualNode: (virtualNode: VirtualNode, signal: AbortSignal) => Promise<string | undefined>;
}

/** Paths of the webhook configurations. */
export const WEBHOOK_PATHS = {
  pods: '/mutate/pods',
  daemonSets: '/mutate/daemonsets',
  offloadings: '/validate/offloadings',
  virtualNodes: '/validate/virtualnodes',
} as const;

/** One handler per path. Every replica answers alike; nothing here needs the leader. */
export function admissionHandlers(deps: AdmissionDeps): Readonly<Record<string, AdmissionHandler>> {
  return {
    [WEBHOOK_PATHS.pods]: podHandler(deps),
    [WEBHOOK_PATHS.daemonSets]: (request) => {
      const facts = factsOf(deps.namespaces, request.namespace ?? '');
      const isOffloaded = hasOffloadLabel(facts.labels) && whyReserved(facts) === undefined;
      return admitDaemonSet(request.object as DaemonSet, optional<DaemonSet>(request.oldObject), isOffloaded);
    },
    [WEBHOOK_PATHS.offloadings]: offloadingHandler(deps),
    [WEBHOOK_PATHS.virtualNodes]: async (request, signal) => {
      const problem = await deps.denyVirtualNode(request.object as VirtualNode, signal);
      return problem === undefined ? ALLOWED : denied(problem);
    },
  };
}

/** A replica's cache may be a moment behind the label; a request that waits for longer than this is the API server's loss. */
const LIVE_READ_MS = 3_000;

function podHandler({ namespaces, offloadings, client }: AdmissionDeps): AdmissionHandler {
  return async (request, signal) => {
    const namespace = request.namespace ?? '';
    if (whyReserved(factsOf(namespaces, namespace)) !== undefined) return ALLOWED;
    const key = `${namespace}/${NAME.offloading}`;
    // An Offloading that was made a moment ago is not in the cache: with the defaults its pods would run at home.
    const offloading = offloadings.get(key) ?? (await readLive(client, namespace, signal));
    const pod = request.object as Pod;
    if (offloading?.metadata.deletionTimestamp === undefined) {
      return admitPod(pod, offloading?.spec.podStrategy ?? 'LocalAndRemote', offloading?.spec.peerSelector);
    }
    // It ends. With its label dealt with, the label that stands is a new one: the next Offloading has the defaults (REF-04).
    return isLabelRemovalNoted(offloading) ? admitPod(pod, 'LocalAndRemote', undefined) : ALLOWED;
  };
}

async function readLive(
  client: Pick<KubeClient, 'get'>,
  namespace: string,
  signal: AbortSignal,
): Promise<Offloading | undefined> {
  try {
    return await client.get<Offloading>(
      OFFLOADING,
      { namespace, name: NAME.offloading },
      { signal: AbortSignal.any([signal, AbortSignal.timeout(LIVE_READ_MS)]) },
    );
  } catch (error) {
    if (isNotFound(error)) return undefined; // made by the label alone a moment ago (REF-20)
    throw error;
  }
}

function offloadingHandler({ namespaces, client }: AdmissionDeps): AdmissionHandler {
  return async (request, signal) => {
    const namespace = request.namespace ?? '';
    const facts = factsOf(namespaces, namespace);
    const response = admitOffloading(request.object as Offloading, optional<Offloading>(request.oldObject), facts);
    if (response.allowed && isCreation(request) && !hasOffloadLabel(facts.labels)) {
      // Before the answer, so that the first pod after `kubectl apply` is already admitted by it (fact 19).
      const body = { metadata: { labels: { [LABEL.offload]: 'true' } } };
      await client.patch<Namespace>(NAMESPACE, { name: namespace }, body, { type: 'merge', signal });
    }
    return response;
  };
}

function isCreation({ operation, dryRun }: AdmissionRequest): boolean {
  return operation === 'CREATE' && dryRun !== true;
}

function factsOf(namespaces: Pick<Informer<Namespace>, 'get'>, name: string): NamespaceFacts {
  return { name, labels: namespaces.get(name)?.metadata.labels };
}

/** The API server sends null where there is no such object. */
function optional<T>(object: unknown): T | undefined {
  return object === null || object === undefined ? undefined : (object as T);
}
