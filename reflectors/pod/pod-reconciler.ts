import { ANNOTATION, LABEL } from '#pkg/api';
import { type Informer, KubeError, type Pod, POD, type ReplicaSet } from '#pkg/kube';
import { done, type Reconciler, type ReconcileResult, requeueAfter } from '#pkg/runtime';
import { homeTokens } from './api-access.ts';
import { chooseRemote } from './choose-remote.ts';
import { createRemote } from './create-remote.ts';
import type { GrantLedger } from './grant-ledger.ts';
import { annotationStep, livePodPatch, testUid, wrapperPatch } from './live-update.ts';
import type { ReferenceCheck } from './missing-references.ts';
import { patchRemote } from './patch-remote.ts';
import { type Facts, isPredecessor, type Plan, planPod, unreachable } from './plan.ts';
import type { PodReflectorDeps } from './pod-deps.ts';
import { PodError } from './errors.ts';
import { CACHE_LAG_MS, freshest, type PodMemory, type PodNotes, within } from './pod-memory.ts';
import { isTerminal, isTerminating } from './pod-types.ts';
import type { ProviderLink } from './provider-link.ts';
import type { Refusal } from './refusal.ts';
import { orphanPodOf, type RemoveDeps, removeRemote } from './remove-remote.ts';
import { asPod, type StatusWriter } from './status-writer.ts';
import { BY_POD_UID } from './stored-pod.ts';
import { planToken } from './plan-token.ts';
import type { TokenKeeper, TokenOutcome } from './token-keeper.ts';
import type { TokenOwner } from './token-secret.ts';
import type { RemoteContext } from './to-remote.ts';
import { toLostStatus } from './to-local-status.ts';
import type { TwinWatches } from './twin-watches.ts';
import { whyNoPod, whyNotRunning } from './why-not-running.ts';

/** Everything that a run needs, built once by `pod-reflector.ts`. */
export interface PodParts {
  readonly deps: PodReflectorDeps;
  readonly locals: Informer<Pod>;
  readonly watches: TwinWatches;
  readonly link: ProviderLink;
  readonly memory: PodMemory;
  readonly ledger: GrantLedger;
  readonly references: ReferenceCheck;
  readonly writer: StatusWriter;
  readonly tokens: TokenKeeper;
  readonly removing: RemoveDeps;
  /** Looks again at pods that the grant had no room for. */
  readonly onRoom: () => void;
}

/** A pod that was refused is tried again after this time: "retried by itself", at most 30 s after the cause is gone. */
const RETRY_MS = 10_000;
/** A ReplicaSet whose controller was refused waits up to 1,000 s by itself (kubernetes-facts 16). */
const WRAPPER_RETRY_MS = 15_000;
/** A predecessor of the same name is going; its deletion normally wakes us first. */
const PREDECESSOR_MS = 1_000;
/** A cache that was behind has caught up by then. */
const OUTDATED_MS = 300;
/** The provider is away; its return looks at every pod at once. */
const AWAY_MS = 5_000;
/** While a started pod waits for volumes, what it lacks is looked up this often. */
const WAITING_MS = 3_000;

/** Keys are `<home namespace>/<UID>`: a pod that is gone here still has objects there to look after. */
export function podKey(homeNamespace: string, podUid: string): string {
  return `${homeNamespace}/${podUid}`;
}

/** Reads caches, plans, acts. All that is remembered between runs is in `PodMemory` and may be lost. */
export function podReconciler(parts: PodParts): Reconciler {
  return {
    name: 'pod',
    async reconcile(key, signal): Promise<ReconcileResult> {
      const [namespace = '', podUid = ''] = key.split('/');
      if (!parts.locals.isSynced) return done; // the first reading brings every pod here again
      const facts = gather(parts, namespace, podUid);
      const notes = parts.memory.of(podUid);
      account(parts, facts, podUid);
      const plan = planPod(facts);
      try {
        const recheckMs = await execute(parts, { namespace, podUid, facts, notes, plan }, signal);
        if (isOver(facts, plan)) parts.memory.forget(podUid);
        return recheckMs === undefined ? done : requeueAfter(recheckMs);
      } catch (error) {
        if (!(error instanceof PodError)) throw error;
        // Both are said elsewhere (the node's condition) or pass by themselves: a line per pod would only be noise.
        return requeueAfter(error.code === 'Outdated' ? OUTDATED_MS : AWAY_MS);
      }
    },
  };
}

interface Run {
  readonly namespace: string;
  readonly podUid: string;
  readonly facts: Facts;
  readonly notes: PodNotes;
  readonly plan: Plan;
}

function gather({ deps, locals, watches, link, memory }: PodParts, namespace: string, podUid: string): Facts {
  const notes = memory.peek(podUid);
  const cached = locals.byIndex(BY_POD_UID, podUid)[0];
  const local = cached === undefined ? undefined : freshest(cached, notes);
  const view = watches.of(namespace);
  const remotes = view?.pods(podUid) ?? [];
  const wrapper = view?.wrapper(podUid);
  const isThere = remotes.length > 0 || wrapper !== undefined;
  if (isThere && notes !== undefined) notes.creatingUntilMs = 0; // the cache has it: if it goes, it was deleted
  return {
    peer: deps.remote.peer,
    local,
    twin: deps.twins.twinOf(namespace),
    isTwinSynced: view?.isSynced ?? false,
    remotes,
    wrapper,
    departed: notes?.departed,
    isCreating: !isThere && within(deps.clock, notes?.creatingUntilMs ?? 0),
    hasPredecessor:
      local !== undefined && (view?.named(local.metadata.name) ?? []).some((o) => isPredecessor(o, podUid)),
    isApiPending: local !== undefined && isApiPending(deps, local),
    unreachableSince: link.downSince,
  };
}

/**
 * Right after a peering was made its tunnel is not there yet, and a pod cannot be told the address later. After this long
 * it starts without.
 */
const API_PATIENCE_MS = 20_000;

function isApiPending({ homeApi, apiAccess, clock }: PodReflectorDeps, local: Pod): boolean {
  const { address, isExpected } = homeApi?.() ?? { address: undefined, isExpected: false };
  const { namespace = '', creationTimestamp = '' } = local.metadata;
  if (address !== undefined || !isExpected || homeTokens(local, apiAccess?.(namespace)).length === 0) return false;
  return clock.wall().getTime() - Date.parse(creationTimestamp) < API_PATIENCE_MS;
}

/** Keeps the ledger of the grant equal to what is there. */
function account({ ledger, onRoom }: PodParts, { local, remotes, wrapper, isCreating }: Facts, podUid: string): void {
  const isOver =
    local === undefined || isTerminal(local) || (remotes.length > 0 && remotes.every(isTerminal) && !wrapper);
  if (isOver) {
    if (ledger.free(podUid)) onRoom();
  } else if (local.spec !== undefined && (remotes.length > 0 || wrapper !== undefined || isCreating)) {
    ledger.hold(podUid, local.spec);
  }
}

function isOver({ local, remotes, wrapper }: Facts, plan: Plan): boolean {
  return local === undefined && remotes.length === 0 && wrapper === undefined && plan.remove === undefined;
}

/** Does what the plan says, in its order. Resolves with the time after which to look again. */
async function execute(parts: PodParts, run: Run, signal: AbortSignal): Promise<number | undefined> {
  const { plan, facts, notes } = run;
  const rechecks = [plan.recheckMs];
  let refusal = plan.refusal;
  let made: TokenOwner | undefined;
  if (plan.create !== undefined && facts.local !== undefined) {
    const outcome = await create(parts, run, facts.local, signal);
    refusal ??= outcome.refusal;
    rechecks.push(outcome.recheckMs);
    made = outcome.made;
  }
  // Right behind the wrapper, and before its pod reaches a kubelet that would miss the Secret.
  const token = await keepToken(parts, run, made, signal);
  refusal ??= token.refusal;
  rechecks.push(token.recheckMs);
  // The status first: it is due at home also while the provider is away and the rest fails.
  rechecks.push(...(await showStatus(parts, run, refusal, signal)));
  if (plan.lost) rechecks.push(await confirmLost(parts, run, signal));
  if (plan.remove !== undefined) {
    await removeRemote(plan.remove, run.namespace, run.podUid, notes, parts.removing, signal);
  }
  if (plan.orphan !== undefined) await orphanPodOf(plan.orphan, parts.removing, signal);
  if (plan.show !== undefined) await updateLiving(parts, run, plan.show, signal);
  if (plan.finish) await finish(parts, run, signal);
  const due = rechecks.filter((ms) => ms !== undefined);
  return due.length === 0 ? undefined : Math.min(...due);
}

/** What the local pod is to say, and when to look again for it. */
async function showStatus(
  parts: PodParts,
  { plan, facts, notes }: Run,
  refusal: Refusal | undefined,
  signal: AbortSignal,
): Promise<(number | undefined)[]> {
  const { local, twin } = facts;
  if (local === undefined || isTerminal(local) || plan.lost) return [];
  if (plan.show === undefined) {
    const wrapperSays = facts.wrapper === undefined ? undefined : whyNoPod(facts.peer, facts.wrapper);
    const why = refusal ?? wrapperSays;
    if (why === undefined && plan.absent === undefined) return [];
    const heldMs = await parts.writer.write(
      local,
      { remote: undefined, absent: plan.absent, refusal: why },
      notes,
      signal,
    );
    const retryMs = wrapperSays === undefined ? undefined : await retryWrapper(parts, facts.wrapper, notes, signal);
    return [heldMs, retryMs, why === undefined ? undefined : RETRY_MS];
  }
  let why = refusal ?? whyNotRunning(facts.peer, plan.show);
  const isWaiting = why === undefined && plan.show.status?.phase === 'Pending' && !isTerminating(local);
  if (isWaiting && twin !== undefined && parts.link.downSince === undefined) {
    why = await parts.references.find(local, plan.show, twin.namespace, signal);
  }
  const heldMs = await parts.writer.write(local, { remote: plan.show, absent: undefined, refusal: why }, notes, signal);
  return [heldMs, isWaiting ? WAITING_MS : undefined];
}

async function create(
  parts: PodParts,
  { plan, notes, podUid, facts }: Run,
  local: Pod,
  signal: AbortSignal,
): Promise<{ refusal?: Refusal; recheckMs?: number; made?: TokenOwner }> {
  const { deps, ledger, link } = parts;
  const context = remoteContext(parts, local);
  if (plan.create === undefined || context === undefined || local.spec === undefined) return {};
  const noRoom = ledger.take(podUid, local.spec);
  if (noRoom !== undefined) return { refusal: noRoom, recheckMs: RETRY_MS };
  const giveBack = () => {
    if (facts.remotes.length === 0) ledger.free(podUid);
  };
  try {
    const outcome = await createRemote(local, plan.create, context, { link, remote: deps.remote }, signal);
    if (outcome.result === 'created') {
      notes.creatingUntilMs = deps.clock.now() + CACHE_LAG_MS;
      const kind = plan.create === 'replica-set' ? 'ReplicaSet' : 'Pod';
      return { recheckMs: CACHE_LAG_MS, made: { kind, name: local.metadata.name, uid: outcome.uid } };
    }
    giveBack();
    return outcome.result === 'later'
      ? { recheckMs: PREDECESSOR_MS }
      : { refusal: outcome.refusal, recheckMs: RETRY_MS };
  } catch (error) {
    giveBack();
    if (!(error instanceof PodError)) throw error;
    return { refusal: unreachable(deps.remote.peer, link.downSince ?? deps.clock.wall()), recheckMs: RETRY_MS };
  }
}

/** Keeps the Secret with the tokens of home that belongs to the remote pod. */
async function keepToken(
  { deps, tokens, watches }: PodParts,
  { facts, notes, namespace, podUid }: Run,
  made: TokenOwner | undefined,
  signal: AbortSignal,
): Promise<TokenOutcome> {
  const { local, twin } = facts;
  if (twin === undefined || twin.namespace === '') return {};
  const step = planToken({
    ...facts,
    isWanted: local !== undefined && homeTokens(local, deps.apiAccess?.(namespace)).length > 0,
    made,
    secret: watches.of(namespace)?.tokenSecret(podUid),
    now: deps.clock.wall(),
  });
  return await tokens.keep(step, { local, twin: twin.namespace, notes }, signal);
}

function remoteContext({ deps }: PodParts, local: Pod): RemoteContext | undefined {
  const namespace = local.metadata.namespace ?? '';
  const twin = deps.twins.twinOf(namespace);
  if (twin === undefined) return undefined;
  return {
    origin: deps.remote.origin,
    nodeName: deps.nodeName,
    twin,
    placement: deps.placement(),
    denyPrefixes: deps.denyPrefixes?.(namespace) ?? [],
    apiAccess: deps.apiAccess?.(namespace),
    homeApiAddress: deps.homeApi?.().address,
  };
}

/**
 * Asks the provider itself before a pod is called lost: the cache may be behind, and a verdict is for ever (POD-24).
 * A twin that cannot be read proves nothing.
 */
async function confirmLost(
  parts: PodParts,
  { facts, notes, podUid }: Run,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { deps, link, writer } = parts;
  const { local, twin } = facts;
  if (local === undefined || twin === undefined) return undefined;
  const { client } = deps.remote.cluster;
  const labelSelector = `${LABEL.podUid}=${podUid}`;
  const query = { namespace: twin.namespace, labelSelector, limit: 1 };
  const { items } = await link.call((s) => client.list(POD, query, { signal: s }), signal);
  if (items.length > 0) return PREDECESSOR_MS;
  const message = `${facts.peer}: the pod had run there and is gone, and its end was not seen; it is not run again`;
  const status = toLostStatus(local, message, { nodeIsReady: undefined, now: deps.clock.wall() });
  await writer.writeNow(local, status, notes, signal);
  deps.events.event(asPod(local), 'Warning', 'RemotePodLost', message);
  return undefined;
}

/** Lets the ReplicaSet's controller try again: any change of the object wakes it. */
async function retryWrapper(
  { deps, link }: PodParts,
  wrapper: ReplicaSet | undefined,
  notes: PodNotes,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { clock } = deps;
  if (wrapper === undefined || isTerminating(wrapper)) return undefined;
  if (notes.retriedMs === Number.NEGATIVE_INFINITY) notes.retriedMs = clock.now(); // its controller has just tried
  const waitMs = notes.retriedMs + WRAPPER_RETRY_MS - clock.now();
  if (waitMs > 0) return waitMs;
  notes.retriedMs = clock.now();
  const steps = [testUid(wrapper), annotationStep(wrapper, ANNOTATION.retry, clock.wall().toISOString())];
  await patchRemote('ReplicaSet', wrapper, steps, { remote: deps.remote, link }, signal);
  return WRAPPER_RETRY_MS;
}

/** Carries changes of a living pod over, to it and to what a re-creation is made from. */
async function updateLiving(parts: PodParts, { facts, notes }: Run, shown: Pod, signal: AbortSignal): Promise<void> {
  const { local, wrapper } = facts;
  const context = local === undefined ? undefined : remoteContext(parts, local);
  if (local === undefined || context === undefined || isTerminating(local) || isTerminal(local)) return;
  const { living } = chooseRemote(facts.remotes);
  if (living !== shown || isTerminal(living) || isTerminating(living)) return;
  const patching = { remote: parts.deps.remote, link: parts.link };
  const podSteps = livePodPatch(local, living, context);
  const wrapperSteps = wrapper === undefined ? undefined : wrapperPatch(local, wrapper, context);
  const change = JSON.stringify([podSteps, wrapperSteps]);
  if ((podSteps === undefined && wrapperSteps === undefined) || change === notes.refusedChange) return;
  try {
    if (podSteps !== undefined) await patchRemote('Pod', living, podSteps, patching, signal);
    if (wrapper !== undefined && wrapperSteps !== undefined) {
      await patchRemote('ReplicaSet', wrapper, wrapperSteps, patching, signal);
    }
  } catch (error) {
    if (!(error instanceof KubeError && (error.isInvalid || error.isForbidden))) throw error;
    notes.refusedChange = change; // the same change is not sent again; another one is
    const message = `${facts.peer}: a change of the pod was refused: ${error.why}`;
    parts.deps.events.event(asPod(local), 'Warning', 'FailedReflection', message);
  }
}

/** The last act of a kubelet: without it the object would stay. */
async function finish({ deps }: PodParts, { facts }: Run, signal: AbortSignal): Promise<void> {
  if (facts.local === undefined) return;
  const { name, namespace, uid } = facts.local.metadata;
  const ref = { name, ...(namespace !== undefined && { namespace }) };
  try {
    await deps.home.client.delete(POD, ref, { gracePeriodSeconds: 0, ...(uid !== undefined && { uid }), signal });
  } catch (error) {
    // Gone already, or another pod has the name: what was to be released is released.
    if (!(error instanceof KubeError && (error.isNotFound || error.isConflict))) throw error;
  }
}
