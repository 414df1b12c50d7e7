import type { NamespaceClaim, Offers, Peer } from '#pkg/api';
import { enqueueOn, type Informer, keyOf, type KubeClient, type Namespace } from '#pkg/kube';
import { type Clock, createQueue, type Log, type QueueObserver, runReconciler, systemClock } from '#pkg/runtime';
import { claimsTouchedBy, namespaceClaimReconciler } from './namespace-claim-reconciler.ts';
import type { TwinOptions } from './provision-twin.ts';

export interface RunNamespaceClaimsDeps {
  readonly client: KubeClient;
  /** Handed in running. */
  readonly informers: {
    readonly claims: Informer<NamespaceClaim>;
    readonly peers: Informer<Peer>;
    readonly namespaces: Informer<Namespace>;
  };
  /** What twins of peers may use of which their Peer says nothing else. */
  readonly offers: Offers;
  readonly log: Log;
  readonly clock?: Clock;
  readonly options?: Partial<TwinOptions>;
  readonly observer?: QueueObserver;
}

const WORKERS = 4;

/** Answers claims of all consumers until `signal` aborts. For the leader only. */
export async function runNamespaceClaims(deps: RunNamespaceClaimsDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, log, clock = systemClock, options, observer } = deps;
  const { claims, peers, namespaces } = informers;
  await Promise.all([claims.synced, peers.synced, namespaces.synced]);
  using queue = createQueue({ name: 'namespace-claim', clock, ...(observer !== undefined && { observer }) });
  using _claims = enqueueOn(claims, queue, (claim) => [keyOf(claim)]);
  using _namespaces = namespaces.on((old, current, isInitial) => {
    const namespace = current ?? old;
    // The first reading is covered by the claims themselves.
    if (namespace !== undefined && !isInitial)
      for (const key of claimsTouchedBy(namespace, claims.list())) queue.add(key);
  });
  using _peers = peers.on((old, current) => {
    const settings = (peer: Peer | undefined) => JSON.stringify([peer?.spec.allowedTwinNames, peer?.spec.offers]);
    if (settings(old) !== settings(current)) for (const claim of claims.list()) queue.add(keyOf(claim));
  });
  const reconciler = namespaceClaimReconciler({
    client,
    claims,
    peers,
    namespaces,
    offers: deps.offers,
    clock,
    ...(options !== undefined && { options }),
  });
  await runReconciler(reconciler, { queue, workers: WORKERS, signal, log });
}
