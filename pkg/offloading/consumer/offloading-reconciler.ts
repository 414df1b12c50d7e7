import { FINALIZER, LABEL, NAME, type Offloading, OFFLOADING, typeMeta } from '#pkg/api';
import { KubeError, type KubeClient, NAMESPACE, type Namespace } from '#pkg/kube';
import { done, type Reconciler, type ReconcileResult, requeueAfter } from '#pkg/runtime';
import { LABEL_REMOVED, MADE_BY_LABEL } from '../label-removal.ts';
import { hasOffloadLabel } from '../reserved.ts';
import { decideOffloading, LABEL_SETTLE_MS } from './decide-offloading.ts';
import { endOffloading } from './ending-offloading.ts';
import { type OffloadingDeps, RETRY_PEER_MS } from './offloading-deps.ts';
import { absent, annotate, patchOffloading, refOf } from './offloading-writes.ts';
import type { PeerClaims } from './peer-claims.ts';
import { runOffloading } from './running-offloading.ts';

/**
 * A label may be there a moment before the Offloading whose admission brought it: an object of ours would take its place.
 * Short against the 5 s in which the twin must exist.
 */
const CREATE_AFTER_MS = 700;
/** What we decided by had changed: the watch brings the change within a moment. */
const CACHE_BEHIND_MS = 200;
/** A claim without an Offloading at a peer that is away is withdrawn within this time of its return (REF-13: cleaned, 30 s). */
const RETRY_AWAY_MS = 10_000;
/** Namespaces of the home cluster, offloaded by label or object. Key: name of the namespace. For the leader only. */
export function offloadingReconciler(deps: OffloadingDeps): Reconciler {
  return new OffloadingReconciler(deps);
}

class OffloadingReconciler implements Reconciler {
  readonly name = 'offloading';
  readonly #deps: OffloadingDeps;
  /** When a label without object was first seen, by UID of its namespace. Lost at a restart, which costs a wait only. */
  readonly #labelSeen = new Map<string, number>();

  constructor(deps: OffloadingDeps) {
    this.#deps = deps;
  }

  async reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    try {
      return await this.#step(name, signal);
    } catch (error) {
      if (error instanceof KubeError && (error.isConflict || error.isNotFound)) return requeueAfter(CACHE_BEHIND_MS);
      throw error;
    }
  }

  async #step(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { namespaces, offloadings, client, clock, events } = this.#deps;
    const namespace = namespaces.get(name);
    const offloading = offloadings.get(`${name}/${NAME.offloading}`);
    if (namespace === undefined) return await this.#clear(name, signal);
    const step = decideOffloading(namespace, offloading, clock.wall());
    if (step.do !== 'create') this.#labelSeen.delete(namespace.metadata.uid ?? name);
    switch (step.do) {
      case 'clear':
        return await this.#clear(name, signal);
      case 'refuse':
        events.event({ ...namespace, apiVersion: 'v1', kind: 'Namespace' }, 'Warning', 'OffloadingRefused', step.why);
        return await this.#clear(name, signal);
      case 'create':
        return await this.#create(namespace, signal);
      case 'label':
        await setLabel(client, name, 'true', signal);
        return done;
      case 'removeLabel':
        await setLabel(client, name, null, signal);
        await annotate(this.#deps, offloading, { [LABEL_REMOVED]: clock.wall().toISOString() }, signal);
        return done;
      case 'addFinalizer':
        await patchOffloading(this.#deps, offloading, { metadata: { finalizers: withFinalizer(offloading) } }, signal);
        return done;
      case 'noteLabelRemoval':
        await annotate(this.#deps, offloading, { [LABEL_REMOVED]: clock.wall().toISOString() }, signal);
        return requeueAfter(LABEL_SETTLE_MS);
      case 'forgetLabelRemoval':
        await annotate(this.#deps, offloading, { [LABEL_REMOVED]: null }, signal);
        return done;
      case 'delete':
        return await this.#delete(name, offloading, signal);
      case 'wait':
        return requeueAfter(step.ms);
      case 'run':
        return offloading === undefined ? done : await runOffloading(this.#deps, offloading, signal);
      case 'end':
        return offloading === undefined ? done : await endOffloading(this.#deps, namespace, offloading, signal);
    }
  }

  /** Claims that no Offloading stands behind: their peer was away when it ended (REF-13). */
  async #clear(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { claims, client } = this.#deps;
    const standing = claims.holding(name);
    const holding = standing.filter((peer) => isLive(claims.view(peer, name)));
    // A peer that is away keeps its claim in our cache, and no event comes when it is back: look again.
    const isAnyAway = standing.some((peer) => claims.view(peer, name).state === 'Away');
    if (holding.length === 0) return isAnyAway ? requeueAfter(RETRY_AWAY_MS) : done;
    // The cache may be behind, and a withdrawn claim takes all pods there with it: ask the API server.
    const stored = await client
      .get<Offloading>(OFFLOADING, { namespace: name, name: NAME.offloading }, { signal })
      .catch(absent);
    if (stored !== undefined) return requeueAfter(LABEL_SETTLE_MS);
    const failures = await Promise.all(holding.map((peer) => claims.withdraw(peer, name, signal)));
    if (isAnyAway) return requeueAfter(RETRY_AWAY_MS);
    return failures.some((why) => why !== undefined) ? requeueAfter(RETRY_PEER_MS) : done;
  }

  async #create(namespace: Namespace, signal: AbortSignal): Promise<ReconcileResult> {
    const { client, clock } = this.#deps;
    const { name, uid = name } = namespace.metadata;
    const since = this.#labelSeen.get(uid) ?? clock.now();
    this.#labelSeen.set(uid, since);
    const stoodMs = clock.now() - since;
    if (stoodMs < CREATE_AFTER_MS) return requeueAfter(CREATE_AFTER_MS - stoodMs);
    const seenAt = new Date(clock.wall().getTime() - stoodMs).toISOString();
    const offloading: Offloading = {
      ...typeMeta(OFFLOADING),
      metadata: {
        name: NAME.offloading,
        namespace: name,
        annotations: { [MADE_BY_LABEL]: seenAt },
        finalizers: [FINALIZER.offloading],
      },
      spec: {},
    };
    try {
      await client.create<Offloading>(OFFLOADING, offloading, { signal });
    } catch (error) {
      if (!(error instanceof KubeError && error.isAlreadyExists)) throw error; // the user's own: the informer brings it
    }
    this.#labelSeen.delete(uid);
    return done;
  }

  /** The label is gone, so the object goes. Asked once more: what follows evicts pods, and the cache may be behind. */
  async #delete(name: string, offloading: Offloading | undefined, signal: AbortSignal): Promise<ReconcileResult> {
    if (offloading === undefined) return done;
    const { client } = this.#deps;
    const namespace = await client.get<Namespace>(NAMESPACE, { name }, { signal }).catch(absent);
    if (hasOffloadLabel(namespace?.metadata.labels)) return requeueAfter(CACHE_BEHIND_MS);
    const { uid } = offloading.metadata;
    await client.delete(OFFLOADING, refOf(offloading), { ...(uid !== undefined && { uid }), signal }).catch(absent);
    return done;
  }
}

function withFinalizer(offloading: Offloading | undefined): string[] {
  return [...(offloading?.metadata.finalizers ?? []), FINALIZER.offloading];
}

function isLive(view: ReturnType<PeerClaims['view']>): boolean {
  return view.state === 'Known' && view.claim.metadata.deletionTimestamp === undefined;
}

/** Only the label: everything else of a namespace belongs to its users. */
async function setLabel(client: KubeClient, name: string, value: 'true' | null, signal: AbortSignal): Promise<void> {
  const body = { metadata: { labels: { [LABEL.offload]: value } } };
  await client.patch<Namespace>(NAMESPACE, { name }, body, { type: 'merge', signal }).catch(absent);
}
