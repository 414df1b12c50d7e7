import { LABEL } from '#pkg/api';
import type { Pod, ReplicaSet } from '#pkg/kube';
import type { Twin } from '#reflectors/framework';
import { chooseRemote } from './choose-remote.ts';
import { endFor, planRelease } from './plan-release.ts';
import { hasRun, isTerminal, isTerminating, mayHaveRun } from './pod-types.ts';
import { type Refusal, refusal } from './refusal.ts';
import { unsupported } from './unsupported.ts';
import { type Wrapping, wrappingOf } from './wrapping.ts';

/** All that decides about one local pod. Nothing else does: no memory of what happened before. */
export interface Facts {
  readonly peer: string;
  /** Undefined: gone from this cluster. */
  readonly local: Pod | undefined;
  readonly twin: Twin | undefined;
  /** The caches of the twin are complete. False also where they were never read because the provider is away. */
  readonly isTwinSynced: boolean;
  readonly remotes: readonly Pod[];
  readonly wrapper: ReplicaSet | undefined;
  /** Last state of a remote pod that ended and is gone, seen by this process or kept by the provider. */
  readonly departed: Pod | undefined;
  /** A wrapper or bare pod was created so recently that the caches may lack it. */
  readonly isCreating: boolean;
  /** An object of ours for an older local pod of the same name still stands there. */
  readonly hasPredecessor: boolean;
  /** The address of the home API is on its way, and the pod is young enough to wait for it. */
  readonly isApiPending: boolean;
  /** Why the pod cannot have the API that it asks for by name, as the end of a sentence. */
  readonly apiProblem: string | undefined;
  /** Since when the provider does not answer; undefined while it does. */
  readonly unreachableSince: Date | undefined;
}

/** What to delete there. Objects that are being deleted already are in it: the executor knows when to insist. */
export interface Removal {
  readonly pods: readonly Pod[];
  readonly wrapper: ReplicaSet | undefined;
  /** Undefined: each pod's own grace period. */
  readonly graceSeconds: number | undefined;
  /** The local pod seems to be gone without our doing: ask the home API before anything is deleted. */
  readonly needsProof: boolean;
}

/** What to do, in this order; parts that are absent are not needed. */
export interface Plan {
  /** Remote pod whose status the local pod shows. */
  readonly show?: Pod;
  /** No remote pod can be shown: nothing is ready. The reason is CamelCase. */
  readonly absent?: string;
  readonly refusal?: Refusal;
  readonly remove?: Removal;
  /** The wrapper goes and its pod stays. */
  readonly orphan?: ReplicaSet;
  readonly create?: Wrapping;
  /** Ran once and is gone without a verdict: asked there once more, then Failed. */
  readonly lost?: true;
  /** It was deleted there before it ever ran: the local pod forgets that a kubelet had taken it, and is made again. */
  readonly unstarted?: true;
  /** Remote pods whose end needs to be kept no longer. */
  readonly release?: readonly Pod[];
  /** Everything there is gone: the local object may go. */
  readonly finish?: true;
  /** Look again after that time although nothing may change. */
  readonly recheckMs?: number;
}

/** Something there is about to change; its event normally comes first. */
const RECHECK_MS = 5_000;

/** The address of the home API comes without an event. */
const API_RECHECK_MS = 500;

/** Pods of local objects that were force-deleted get one second: SIGTERM still reaches them (POD-31). */
export const ORPHAN_GRACE_SECONDS = 1;

/** Decides. Pure: the same facts always give the same plan, whatever happened and whoever ran before. */
export function planPod(facts: Facts): Plan {
  const release = planRelease(facts);
  return { ...decide(facts), ...(release.length > 0 && { release }) };
}

function decide(facts: Facts): Plan {
  const { local } = facts;
  if (local === undefined) return planOrphans(facts);
  if (isTerminating(local)) return planDeletion(facts, local);
  if (isTerminal(local)) return planFinished(facts);
  return planLiving(facts, local);
}

function planOrphans({ remotes, wrapper }: Facts): Plan {
  if (remotes.length === 0 && wrapper === undefined) return {};
  const remove = { pods: remotes, wrapper, graceSeconds: ORPHAN_GRACE_SECONDS, needsProof: true };
  return { remove, recheckMs: RECHECK_MS };
}

/** A local verdict is final: what still runs there is stopped, what has ended stays for its logs (POD-22, POD-25). */
function planFinished({ remotes, wrapper }: Facts): Plan {
  const running = remotes.filter((remote) => !isTerminal(remote));
  if (running.length === 0 && wrapper === undefined) return {};
  return {
    remove: { pods: running, wrapper, graceSeconds: undefined, needsProof: false },
    recheckMs: RECHECK_MS,
  };
}

/** The local object goes only when nothing of it is left there (POD-30). */
function planDeletion(facts: Facts, local: Pod): Plan {
  const { remotes, wrapper, twin } = facts;
  const { living } = chooseRemote(remotes);
  const show = living !== undefined && !isTerminal(local) && isShown(local, living) ? { show: living } : {};
  if (remotes.length > 0 || wrapper !== undefined) {
    const graceSeconds = local.metadata.deletionGracePeriodSeconds ?? local.spec?.terminationGracePeriodSeconds;
    return { ...show, remove: { pods: remotes, wrapper, graceSeconds, needsProof: false }, recheckMs: RECHECK_MS };
  }
  if (facts.isCreating) return { recheckMs: RECHECK_MS };
  if (hasTwin(twin) && !facts.isTwinSynced) return { absent: 'ProviderUnreachable', recheckMs: RECHECK_MS };
  const { departed } = facts;
  const verdict = departed !== undefined && !isTerminal(local) && isShown(local, departed) ? { show: departed } : {};
  // With grace 0 the object is already released by us, and only finalizers of others hold it.
  return local.metadata.deletionGracePeriodSeconds === 0 ? verdict : { ...verdict, finish: true };
}

function planLiving(facts: Facts, local: Pod): Plan {
  const { peer, twin, remotes } = facts;
  if (twin === undefined) {
    return refuse(local, refusal(peer, 'NotOffloaded', `namespace ${local.metadata.namespace} is not offloaded there`));
  }
  if (twin.state === 'Ending' && !hasRun(local)) return planEnding(facts, local);
  if (!hasTwin(twin)) return refuse(local, refusal(peer, 'NamespaceNotReady', twin.message || twin.reason));
  const isNothingThere = facts.wrapper === undefined && remotes.length === 0;
  if (facts.isTwinSynced) return isNothingThere ? planMissing(facts, local) : planPresent(facts, local);
  const { living } = chooseRemote(remotes);
  if (living === undefined || !isShown(local, living)) return planUnseen(facts, local);
  return { show: living, recheckMs: RECHECK_MS };
}

/** Offloading ends: what has not run yet is taken back, and waits for the namespace to be offloaded again (REF-03). */
function planEnding({ peer, remotes, wrapper }: Facts, local: Pod): Plan {
  const isUnstarted = remotes.some((remote) => endFor(local, remote) === 'unstarted');
  const plan: Plan = {
    ...refuse(local, refusal(peer, 'NotOffloaded', `offloading of ${local.metadata.namespace} ends`)),
    ...(isUnstarted && { unstarted: true }),
  };
  if (remotes.length === 0 && wrapper === undefined) return plan;
  return { ...plan, remove: { pods: remotes, wrapper, graceSeconds: undefined, needsProof: false } };
}

/** Nothing was read from the twin yet. */
function planUnseen({ peer, unreachableSince }: Facts, local: Pod): Plan {
  if (unreachableSince === undefined) return { recheckMs: RECHECK_MS };
  if (mayHaveRun(local)) return { absent: 'ProviderUnreachable', recheckMs: RECHECK_MS };
  return { refusal: unreachable(peer, unreachableSince), recheckMs: RECHECK_MS };
}

/** Nothing of the pod is there. */
function planMissing(facts: Facts, local: Pod): Plan {
  if (facts.isCreating || facts.hasPredecessor) return { recheckMs: RECHECK_MS };
  if (facts.twin?.state !== 'Accepted') return { absent: 'RemotePodMissing' };
  const wrapping = wrappingOf(local);
  if (wrapping === 'once') {
    const { departed } = facts;
    const end = departed === undefined ? undefined : endFor(local, departed);
    if (departed !== undefined && end === 'verdict') return { show: departed };
    if (end === 'lost' || (end === undefined && mayHaveRun(local))) return { lost: true };
    if (mayHaveRun(local)) return { unstarted: true };
  }
  const why = unsupported(local) ?? facts.apiProblem;
  if (why !== undefined) return refuse(local, refusal(facts.peer, 'Unsupported', why));
  if (facts.isApiPending) return { recheckMs: API_RECHECK_MS };
  return { create: wrapping, ...(hasRun(local) && { absent: 'RemotePodMissing' }) };
}

/** Wrapper, pod or both are there. */
function planPresent(facts: Facts, local: Pod): Plan {
  const { wrapper, remotes } = facts;
  const wrapping = wrappingOf(local);
  const { living, leftovers } = chooseRemote(remotes);
  const shown = living === undefined ? { absent: 'RemotePodMissing' } : { show: living };
  const remove = (pods: readonly Pod[]) =>
    pods.length === 0 ? {} : { remove: { pods, wrapper: undefined, graceSeconds: undefined, needsProof: false } };
  switch (wrapping) {
    case 'replica-set': {
      const isGone = wrapper === undefined && !facts.isCreating && facts.twin?.state === 'Accepted';
      return { ...shown, ...remove(leftovers), ...(isGone && { create: wrapping }) };
    }
    case 'recreated':
      // The name is free only when the ended pod is gone: its deletion brings us back here.
      return { ...shown, ...remove(remotes.filter((pod) => isTerminal(pod) && !isTerminating(pod))) };
    case 'once': {
      const end = living === undefined ? undefined : endFor(local, living);
      if (end === 'lost' || end === 'unstarted') return { [end]: true, recheckMs: RECHECK_MS };
      return { ...shown, ...(wrapper !== undefined && !isTerminating(wrapper) && { orphan: wrapper }) };
    }
  }
}

/** An end that nobody there can tell, or that is none, is no status to show. */
function isShown(local: Pod, remote: Pod): boolean {
  const end = endFor(local, remote);
  return end === undefined || end === 'verdict';
}

function refuse(local: Pod, why: Refusal): Plan {
  return { refusal: why, ...(hasRun(local) && { absent: why.reason }) };
}

function hasTwin(twin: Twin | undefined): boolean {
  return twin !== undefined && twin.namespace !== '' && (twin.state === 'Accepted' || twin.state === 'Ending');
}

export function unreachable(peer: string, since: Date): Refusal {
  return refusal(peer, 'ProviderUnreachable', `does not answer since ${since.toISOString().slice(0, 19)}Z`);
}

/** Objects of ours that stand in the way of a new local pod of that name. */
export function isPredecessor(object: { metadata: { labels?: Record<string, string> } }, uid: string): boolean {
  return object.metadata.labels?.[LABEL.podUid] !== uid;
}
