import {
  FINALIZER,
  LABEL,
  NAME,
  type Offloading,
  OFFLOADING,
  type OffloadingPeerState,
  typeMeta,
  type VirtualNode,
} from '#pkg/api';
import {
  type EventRecorder,
  type Informer,
  isNotFound,
  KubeError,
  type KubeClient,
  NAMESPACE,
  type Namespace,
  type Node,
} from '#pkg/kube';
import { type Clock, done, type Log, type Reconciler, type ReconcileResult, requeueAfter } from '#pkg/runtime';
import { LABEL_REMOVED, MADE_BY_LABEL } from '../label-removal.ts';
import { hasOffloadLabel } from '../reserved.ts';
import { decideOffloading, LABEL_SETTLE_MS } from './decide-offloading.ts';
import { movePods } from './move-pods.ts';
import { offloadingStatus, peerState, type Summary, summarize } from './offloading-status.ts';
import { type PeerClaims, peerOfNode } from './peer-claims.ts';
import { ensureReflectionBinding, removeReflectionBinding } from './reflection-binding.ts';
import { selectPeers } from './select-peers.ts';

export interface OffloadingDeps {
  readonly client: KubeClient;
  /** All must be synced before the first reconcile: what is not in them counts as gone. */
  readonly namespaces: Pick<Informer<Namespace>, 'get'>;
  readonly offloadings: Pick<Informer<Offloading>, 'get'>;
  readonly virtualNodes: Pick<Informer<VirtualNode>, 'list'>;
  readonly nodes: Pick<Informer<Node>, 'get'>;
  readonly claims: PeerClaims;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly clock: Clock;
  readonly log: Log;
}

const FIELD_MANAGER = 'tombolo-offloading';
/**
 * A label may be there a moment before the Offloading whose admission brought it: an object of ours would take its place.
 * Short against the 5 s in which the twin must exist.
 */
const CREATE_AFTER_MS = 700;
/** While pods leave; nothing tells us when a budget allows an eviction. */
const DRAIN_CHECK_MS = 2_000;
/** What we decided by had changed: the watch brings the change within a moment. */
const CACHE_BEHIND_MS = 200;
const RETRY_PEER_MS = 5_000;
/** A claim without an Offloading at a peer that is away is withdrawn within this time of its return (REF-13: cleaned, 30 s). */
const RETRY_AWAY_MS = 10_000;
/** The binding in the namespace is not watched; drift of it is repaired at this pace. */
const RESYNC_MS = 300_000;
const DEFAULT_DRAIN_TIMEOUT_S = 300;
/**
 * Pods made until so long after the deletion of the Offloading belong to what ends: the label went a moment later, and
 * creation times are whole seconds.
 */
const LAST_POD_MS = 3_000;

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
        await this.#annotate(offloading, { [LABEL_REMOVED]: clock.wall().toISOString() }, signal);
        return done;
      case 'addFinalizer':
        await this.#patch(offloading, { metadata: { finalizers: withFinalizer(offloading) } }, signal);
        return done;
      case 'noteLabelRemoval':
        await this.#annotate(offloading, { [LABEL_REMOVED]: clock.wall().toISOString() }, signal);
        return requeueAfter(LABEL_SETTLE_MS);
      case 'forgetLabelRemoval':
        await this.#annotate(offloading, { [LABEL_REMOVED]: null }, signal);
        return done;
      case 'delete':
        return await this.#delete(name, offloading, signal);
      case 'wait':
        return requeueAfter(step.ms);
      case 'run':
        return offloading === undefined ? done : await this.#run(offloading, signal);
      case 'end':
        return offloading === undefined ? done : await this.#end(namespace, offloading, signal);
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

  async #run(offloading: Offloading, signal: AbortSignal): Promise<ReconcileResult> {
    const { client, claims, virtualNodes, nodes } = this.#deps;
    const { namespace: name = '' } = offloading.metadata;
    await ensureReflectionBinding(client, name, signal);
    const selected = selectPeers(offloading.spec.peerSelector, virtualNodes.list(), (node) => nodes.get(node));
    const previous = new Map((offloading.status?.peers ?? []).map((entry) => [entry.peer, entry]));

    const wanted = [...selected].filter(([peer, as]) => as === 'Wanted' && claims.view(peer, name).state === 'None');
    let current = offloading;
    if (wanted.length > 0 && offloading.status?.activated !== true) current = await this.#activate(offloading, signal);
    const failures = new Map<string, string>();
    await Promise.all(
      wanted.map(async ([peer]) => {
        const why = await claims.send(peer, offloading, signal);
        if (why !== undefined) failures.set(peer, why);
      }),
    );

    const unwanted = [...new Set([...previous.keys(), ...claims.holding(name)])].filter((peer) => !selected.has(peer));
    const leaving = await this.#leave(name, unwanted, signal);
    const states: OffloadingPeerState[] = [];
    for (const peer of selected.keys()) {
      const view = claims.view(peer, name);
      const isNewKept = selected.get(peer) === 'Kept' && view.state === 'None';
      if (isNewKept) continue;
      const state = peerState(peer, view, previous.get(peer), false);
      const why = failures.get(peer);
      states.push(why === undefined ? state : { ...state, reason: 'ClaimNotSent', message: why });
    }
    states.push(...leaving.states.map((entry) => ({ ...entry, ...keepTwin(previous.get(entry.peer)) })));
    await this.#writeStatus(current, states, summarize(states), signal);
    if (leaving.isWaiting) return requeueAfter(DRAIN_CHECK_MS);
    return requeueAfter(failures.size > 0 ? RETRY_PEER_MS : RESYNC_MS);
  }

  /** Peers that are selected no more (REF-07): pods leave them, then their claims go. */
  async #leave(
    name: string,
    peers: readonly string[],
    signal: AbortSignal,
  ): Promise<{ states: OffloadingPeerState[]; isWaiting: boolean }> {
    const { claims, client } = this.#deps;
    const nodePeer = this.#peerOfNode();
    const hasNode = new Set(this.#deps.virtualNodes.list().map((node) => node.spec.peer));
    const states: OffloadingPeerState[] = [];
    let isWaiting = false;
    for (const peer of peers) {
      const view = claims.view(peer, name);
      // Gone; or neither reachable nor represented by a node any more: its claim goes when it comes back.
      if (view.state === 'None' || (view.state === 'Away' && !hasNode.has(peer))) continue;
      const state = peerState(peer, view, undefined, true);
      const options = {
        namespace: name,
        isNamespaceEnding: false,
        isEnding: (node: string) => nodePeer(node) === peer,
      };
      const remaining = await movePods(client, options, signal);
      if (remaining.pods > 0) {
        states.push({ ...state, message: remaining.message });
        isWaiting = true;
        continue;
      }
      const why = await claims.withdraw(peer, name, signal);
      states.push(why === undefined ? { ...state, message: 'the twin is being removed' } : { ...state, message: why });
      isWaiting ||= why !== undefined;
    }
    return { states, isWaiting };
  }

  async #end(namespace: Namespace, offloading: Offloading, signal: AbortSignal): Promise<ReconcileResult> {
    const { client, claims, clock } = this.#deps;
    const { name } = namespace.metadata;
    const nodePeer = this.#peerOfNode();
    const isNamespaceEnding = namespace.metadata.deletionTimestamp !== undefined;
    const previous = new Map((offloading.status?.peers ?? []).map((entry) => [entry.peer, entry]));
    const peers = [...new Set([...previous.keys(), ...claims.holding(name)])];
    const states = () => peers.map((peer) => peerState(peer, claims.view(peer, name), previous.get(peer), true));
    // First of all the kubelets must know: what is made from now on is not for there.
    let current = await this.#writeStatus(
      offloading,
      states(),
      { summary: 'Terminating', message: 'pods leave' },
      signal,
    );

    const deletedAt = Date.parse(offloading.metadata.deletionTimestamp ?? '');
    const madeBefore = new Date(deletedAt + LAST_POD_MS);
    const isEnding = (node: string) => nodePeer(node) !== undefined;
    const remaining = await movePods(client, { namespace: name, isNamespaceEnding, isEnding, madeBefore }, signal);
    if (remaining.pods > 0) {
      const limit = offloading.spec.drainTimeoutSeconds ?? DEFAULT_DRAIN_TIMEOUT_S;
      const isLate = clock.wall().getTime() - deletedAt > limit * 1000;
      const message = isLate
        ? `${remaining.message}; longer than ${limit} s: delete these pods to go on`
        : remaining.message;
      await this.#writeStatus(current, states(), { summary: 'Terminating', message }, signal);
      return requeueAfter(DRAIN_CHECK_MS);
    }
    const reachable = peers.filter((peer) => claims.view(peer, name).state === 'Known');
    const failures = await Promise.all(reachable.map((peer) => claims.withdraw(peer, name, signal)));
    // A peer that went away meanwhile is not waited for either: its claim is withdrawn when it returns (REF-13).
    const standing = reachable.filter(
      (peer, index) => failures[index] === undefined && claims.view(peer, name).state === 'Known',
    );
    if (standing.length > 0 && !isNamespaceEnding) {
      const message = `waits until the twin is gone at ${standing.join(', ')}`;
      current = await this.#writeStatus(current, states(), { summary: 'Terminating', message }, signal);
      return requeueAfter(RETRY_PEER_MS);
    }
    await removeReflectionBinding(client, name, signal);
    await this.#removeFinalizer(current, signal);
    return done;
  }

  #peerOfNode() {
    const { virtualNodes, nodes } = this.#deps;
    return peerOfNode(virtualNodes.list(), (node) => nodes.get(node)?.metadata.labels);
  }

  /** Before the first claim leaves: from now on the twin setting stands (fact 19). */
  async #activate(offloading: Offloading, signal: AbortSignal): Promise<Offloading> {
    const status = { ...offloading.status, activated: true, summary: offloading.status?.summary ?? 'Waiting' };
    return await this.#applyStatus(offloading, status, signal);
  }

  async #writeStatus(
    offloading: Offloading,
    states: readonly OffloadingPeerState[],
    verdict: { summary: Summary; message: string },
    signal: AbortSignal,
  ): Promise<Offloading> {
    const status = offloadingStatus(offloading, states, verdict, this.#deps.clock.wall());
    return status === offloading.status ? offloading : await this.#applyStatus(offloading, status, signal);
  }

  async #applyStatus(
    offloading: Offloading,
    status: NonNullable<Offloading['status']>,
    signal: AbortSignal,
  ): Promise<Offloading> {
    const { name, namespace, uid } = offloading.metadata;
    const metadata = { name, ...(namespace !== undefined && { namespace }), ...(uid !== undefined && { uid }) };
    const body = { ...typeMeta(OFFLOADING), metadata, status };
    return await this.#deps.client.apply<Offloading>(OFFLOADING, body, {
      fieldManager: FIELD_MANAGER,
      force: true,
      subresource: 'status',
      signal,
    });
  }

  async #annotate(
    offloading: Offloading | undefined,
    annotations: Record<string, string | null>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#patch(offloading, { metadata: { annotations } }, signal);
  }

  /** A merge patch that conflicts with a change made meanwhile. */
  async #patch(offloading: Offloading | undefined, body: { metadata: object }, signal: AbortSignal): Promise<void> {
    if (offloading === undefined) return;
    const { resourceVersion, uid } = offloading.metadata;
    const guarded = { metadata: { ...body.metadata, uid, resourceVersion } };
    try {
      await this.#deps.client.patch<Offloading>(OFFLOADING, refOf(offloading), guarded, {
        type: 'merge',
        fieldManager: FIELD_MANAGER,
        signal,
      });
    } catch (error) {
      absent(error);
    }
  }

  async #removeFinalizer(offloading: Offloading, signal: AbortSignal): Promise<void> {
    const finalizers = (offloading.metadata.finalizers ?? []).filter((entry) => entry !== FINALIZER.offloading);
    await this.#patch(offloading, { metadata: { finalizers } }, signal);
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

function refOf({ metadata: { name, namespace } }: Offloading) {
  return { name, ...(namespace !== undefined && { namespace }) };
}

function withFinalizer(offloading: Offloading | undefined): string[] {
  return [...(offloading?.metadata.finalizers ?? []), FINALIZER.offloading];
}

function isLive(view: ReturnType<PeerClaims['view']>): boolean {
  return view.state === 'Known' && view.claim.metadata.deletionTimestamp === undefined;
}

/** A twin that is being left keeps its name in the status, so that its pods can still be cleaned there. */
function keepTwin(previous: OffloadingPeerState | undefined): Pick<OffloadingPeerState, 'twin' | 'ownerUid'> {
  return {
    ...(previous?.twin !== undefined && { twin: previous.twin }),
    ...(previous?.ownerUid !== undefined && { ownerUid: previous.ownerUid }),
  };
}

/** Only the label: everything else of a namespace belongs to its users. */
async function setLabel(client: KubeClient, name: string, value: 'true' | null, signal: AbortSignal): Promise<void> {
  const body = { metadata: { labels: { [LABEL.offload]: value } } };
  await client.patch<Namespace>(NAMESPACE, { name }, body, { type: 'merge', signal }).catch(absent);
}

/** What is not there need not be changed. */
function absent(error: unknown): undefined {
  if (isNotFound(error)) return undefined;
  throw error;
}
