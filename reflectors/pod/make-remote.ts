import type { Pod } from '#pkg/kube';
import { createRemote } from './create-remote.ts';
import { PodError } from './errors.ts';
import { unreachable } from './plan.ts';
import { endFor } from './plan-release.ts';
import { CACHE_LAG_MS } from './pod-memory.ts';
import { OUTDATED_MS, type PodParts, type PodRun, PREDECESSOR_MS, RETRY_MS } from './pod-run.ts';
import { readVerdict } from './read-verdict.ts';
import type { Refusal } from './refusal.ts';
import { remoteContext } from './remote-context.ts';
import type { TokenOwner } from './token-secret.ts';

/** Takes room in the grant and creates what the plan says; what was taken is given back where nothing came of it. */
export async function makeRemote(
  parts: PodParts,
  { plan, notes, podUid, facts }: PodRun,
  local: Pod,
  signal: AbortSignal,
): Promise<{ refusal?: Refusal; recheckMs?: number; made?: TokenOwner }> {
  const { deps, ledger, link } = parts;
  const context = remoteContext(deps, local);
  if (plan.create === undefined || context === undefined || local.spec === undefined) return {};
  const noRoom = ledger.take(podUid, local.spec);
  if (noRoom !== undefined) return { refusal: noRoom, recheckMs: RETRY_MS };
  const giveBack = () => {
    if (facts.remotes.length === 0) ledger.free(podUid);
  };
  try {
    if (plan.create === 'once' && (await hadEnded(parts, { notes, podUid }, local, signal))) {
      giveBack();
      return { recheckMs: OUTDATED_MS };
    }
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

/** No provider lets a pod go unread before that (HOLD_MS of its `verdict-keeper.ts`), less what clocks may differ. */
const FIRST_RECORD_MS = 15_000;

/**
 * Whether the pod was made there before and has ended: the answer to that request was lost with the link, so that nothing
 * here knows of it (POD-41). Pods that are placed and made at once cost no request.
 */
async function hadEnded(
  { deps, link }: PodParts,
  { notes, podUid }: Pick<PodRun, 'notes' | 'podUid'>,
  local: Pod,
  signal: AbortSignal,
): Promise<boolean> {
  const ageMs = deps.clock.wall().getTime() - Date.parse(local.metadata.creationTimestamp ?? '');
  if (ageMs < FIRST_RECORD_MS) return false;
  const kept = await readVerdict(podUid, { remote: deps.remote, link }, signal);
  if (kept === undefined || endFor(local, kept) === 'unstarted') return false;
  notes.departed = kept;
  return true;
}
