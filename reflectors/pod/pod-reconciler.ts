import { KubeError, POD } from '#pkg/kube';
import { done, type Reconciler, type ReconcileResult, requeueAfter } from '#pkg/runtime';
import { homeTokens } from './api-access.ts';
import { type Asked, askedOf, leftOutKeys } from './asked.ts';
import { chooseRemote } from './choose-remote.ts';
import { confirmLost, forgetStart } from './confirm-lost.ts';
import { PodError } from './errors.ts';
import { followChange, planChange } from './follow-change.ts';
import { gatherFacts } from './gather-facts.ts';
import { makeRemote } from './make-remote.ts';
import { type Facts, type Plan, planPod } from './plan.ts';
import { planToken } from './plan-token.ts';
import { OUTDATED_MS, type PodParts, type PodRun } from './pod-run.ts';
import { isTerminal } from './pod-types.ts';
import { releaseRemotes } from './release-remotes.ts';
import { orphanPodOf, removeRemote } from './remove-remote.ts';
import { showStatus } from './show-status.ts';
import type { TokenOutcome } from './token-keeper.ts';
import type { TokenOwner } from './token-secret.ts';

/** The provider is away; its return looks at every pod at once. */
const AWAY_MS = 5_000;

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
      const facts = gatherFacts(parts, namespace, podUid);
      const notes = parts.memory.of(podUid);
      const asked = whatIsAsked(parts, facts);
      account(parts, facts, asked, podUid);
      const plan = planPod(facts);
      try {
        const recheckMs = await execute(parts, { namespace, podUid, facts, asked, notes, plan }, signal);
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

function whatIsAsked({ deps }: PodParts, { local, remotes }: Facts): Asked | undefined {
  if (local === undefined) return undefined;
  const leftOut = leftOutKeys(deps.foreignResources?.() ?? [], deps.grant().granted);
  return askedOf(local, chooseRemote(remotes).living, leftOut);
}

/** Keeps the ledger of the grant equal to what is there. */
function account(
  { ledger, onRoom }: PodParts,
  { local, remotes, wrapper, isCreating }: Facts,
  asked: Asked | undefined,
  podUid: string,
): void {
  const isOver =
    local === undefined || isTerminal(local) || (remotes.length > 0 && remotes.every(isTerminal) && !wrapper);
  if (isOver) {
    if (ledger.free(podUid)) onRoom();
  } else if (asked?.standing.spec !== undefined && (remotes.length > 0 || wrapper !== undefined || isCreating)) {
    ledger.hold(podUid, asked.standing.spec);
  }
}

function isOver({ local, remotes, wrapper }: Facts, plan: Plan): boolean {
  return local === undefined && remotes.length === 0 && wrapper === undefined && plan.remove === undefined;
}

/** Does what the plan says, in its order. Resolves with the time after which to look again. */
async function execute(parts: PodParts, run: PodRun, signal: AbortSignal): Promise<number | undefined> {
  const { plan, notes } = run;
  const rechecks = [plan.recheckMs];
  let refusal = plan.refusal;
  let made: TokenOwner | undefined;
  if (plan.create !== undefined && run.asked !== undefined) {
    const outcome = await makeRemote(parts, run, run.asked.standing, signal);
    refusal ??= outcome.refusal;
    rechecks.push(outcome.recheckMs);
    made = outcome.made;
  }
  // Right behind the wrapper, and before its pod reaches a kubelet that would miss the Secret.
  const token = await keepToken(parts, run, made, signal);
  refusal ??= token.refusal;
  rechecks.push(token.recheckMs);
  const change = planChange(parts, run);
  const shown = plan.show === undefined ? undefined : (change?.resize?.show ?? plan.show);
  // The status first: it is due at home also while the provider is away and the rest fails.
  rechecks.push(...(await showStatus(parts, run, shown, refusal, signal)));
  if (plan.lost) rechecks.push(await confirmLost(parts, run, signal));
  if (plan.unstarted) await forgetStart(parts, run, signal);
  const isOurs =
    plan.remove === undefined ||
    (await removeRemote(plan.remove, run.namespace, run.podUid, notes, parts.removing, signal));
  if (plan.release !== undefined && isOurs) await releaseRemotes(plan.release, parts, signal);
  if (plan.orphan !== undefined) await orphanPodOf(plan.orphan, parts.removing, signal);
  if (change !== undefined) rechecks.push(await followChange(change, parts, signal));
  if (plan.finish) await finish(parts, run, signal);
  const due = rechecks.filter((ms) => ms !== undefined);
  return due.length === 0 ? undefined : Math.min(...due);
}

/** Keeps the Secret with the tokens of home that belongs to the remote pod. */
async function keepToken(
  { deps, tokens, watches }: PodParts,
  { facts, notes, namespace, podUid }: PodRun,
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

/** The last act of a kubelet: without it the object would stay. */
async function finish({ deps }: PodParts, { facts }: PodRun, signal: AbortSignal): Promise<void> {
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
