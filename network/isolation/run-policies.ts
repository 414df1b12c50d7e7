import { isDeepStrictEqual } from 'node:util';
import { type ClusterNetwork, LABEL, NAME, type Peer } from '#pkg/api';
import {
  type EndpointSlice,
  type Informer,
  KubeError,
  type KubeClient,
  type Namespace,
  NETWORK_POLICY,
  type NetworkPolicy,
  type Service,
} from '#pkg/kube';
import { type Clock, createQueue, done, type Log, type Reconciler, runReconciler } from '#pkg/runtime';
import { isolationState } from './isolation-facts.ts';
import { POLICY_NAME, twinPolicy } from './twin-policy.ts';

export interface PolicyDeps {
  readonly client: KubeClient;
  /** Run by the caller. */
  readonly informers: {
    readonly networks: Informer<ClusterNetwork>;
    readonly peers: Informer<Peer>;
    readonly namespaces: Informer<Namespace>;
    /** With the offer label. */
    readonly offered: Informer<Service>;
    readonly apiSlices: Informer<EndpointSlice>;
    /** Those of ours: label app.kubernetes.io/managed-by. */
    readonly policies: Informer<NetworkPolicy>;
  };
  readonly clock: Clock;
  readonly log: Log;
}

/** The packet rules of agents need no device in a NetworkPolicy. */
const NO_DEVICE = 'none';

/**
 * Keeps a NetworkPolicy in each twin until `signal` aborts; none where isolation is off, nor in a namespace that was a twin
 * and was kept (REF-12). For the leader only. Key: name of the namespace.
 */
export async function runPolicies({ client, informers, clock, log }: PolicyDeps, signal: AbortSignal): Promise<void> {
  const { networks, peers, namespaces, offered, apiSlices, policies } = informers;
  await Promise.all(Object.values(informers).map((informer) => informer.synced));
  const reconciler: Reconciler = {
    name: 'twin policies',
    async reconcile(name, inner) {
      const namespace = namespaces.get(name);
      if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return done;
      const standing = policies.get(`${name}/${POLICY_NAME}`);
      const network = networks.get(NAME.clusterNetwork);
      const ref = { namespace: name, name: POLICY_NAME };
      if (network === undefined || network.spec.isolation === false || !isTwin(namespace)) {
        if (standing !== undefined) await client.delete(NETWORK_POLICY, ref, { signal: inner }).catch(gone);
        return done;
      }
      const all = namespaces.list().filter(isOrWasTwin);
      const foreign = new Set(all.map(({ metadata }) => metadata.name));
      const spec = twinPolicy(namespace.metadata.labels?.[LABEL.origin] ?? '', {
        state: isolationState({ network, peers: peers.list(), namespaces: all }, NO_DEVICE),
        services: offered.list().filter(({ metadata }) => !foreign.has(metadata.namespace ?? '')),
        apiSlices: apiSlices.list(),
      });
      if (standing === undefined) {
        const metadata = { ...ref, labels: { 'app.kubernetes.io/managed-by': 'tombolo' } };
        await client.create<NetworkPolicy>(NETWORK_POLICY, { metadata, spec }, { signal: inner });
      } else if (!isDeepStrictEqual(standing.spec, spec)) {
        const body = { metadata: { uid: standing.metadata.uid }, spec };
        await client.patch<NetworkPolicy>(NETWORK_POLICY, ref, body, { type: 'merge', signal: inner });
      }
      return done;
    },
  };
  using queue = createQueue({ name: 'twin-policies', clock });
  const enqueueAll = () => {
    for (const { metadata } of namespaces.list().filter(isOrWasTwin)) queue.add(metadata.name);
  };
  using _namespaces = namespaces.on((old, current) => {
    const namespace = current ?? old;
    if (namespace === undefined || !isOrWasTwin(namespace)) return;
    // A first twin makes its consumer a tenant, for the policies of all.
    if (old === undefined || current === undefined) enqueueAll();
    else queue.add(namespace.metadata.name);
  });
  using _networks = networks.on(enqueueAll);
  using _peers = peers.on((old, current) => {
    const aliases = (peer: Peer | undefined) => JSON.stringify(peer?.status?.network?.aliases);
    if (aliases(old) !== aliases(current)) enqueueAll();
  });
  using _offered = offered.on(enqueueAll);
  using _api = apiSlices.on(enqueueAll);
  using _policies = policies.on((old, current) => {
    const policy = current ?? old;
    if (policy?.metadata.name === POLICY_NAME) queue.add(policy.metadata.namespace ?? '');
  });
  await runReconciler(reconciler, { queue, signal, log });
}

function isOrWasTwin({ metadata: { labels } }: Namespace): boolean {
  return labels?.[LABEL.origin] !== undefined;
}

function isTwin(namespace: Namespace): boolean {
  return isOrWasTwin(namespace) && namespace.metadata.labels?.[LABEL.component] === 'twin';
}

function gone(error: unknown): void {
  if (!(error instanceof KubeError && error.isNotFound)) throw error;
}
