import { ANNOTATION } from '#pkg/api';
import type { Pod, ReplicaSet } from '#pkg/kube';
import { annotationStep, testUid } from './json-patch.ts';
import { patchRemote } from './patch-remote.ts';
import type { PodNotes } from './pod-memory.ts';
import { type PodParts, type PodRun, RETRY_MS } from './pod-run.ts';
import { isTerminal, isTerminating } from './pod-types.ts';
import type { Refusal } from './refusal.ts';
import { whyNoPod, whyNotRunning } from './why-not-running.ts';

/** A ReplicaSet whose controller was refused waits up to 1,000 s by itself (kubernetes-facts 16). */
const WRAPPER_RETRY_MS = 15_000;
/** While a started pod waits for volumes, what it lacks is looked up this often. */
const WAITING_MS = 3_000;

/**
 * What the local pod is to say, and when to look again for it.
 * @param shown the remote pod to show, as it is to be shown
 */
export async function showStatus(
  parts: PodParts,
  { plan, facts, notes }: PodRun,
  shown: Pod | undefined,
  refusal: Refusal | undefined,
  signal: AbortSignal,
): Promise<(number | undefined)[]> {
  const { local, twin } = facts;
  if (local === undefined || isTerminal(local) || plan.lost) return [];
  if (shown === undefined) {
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
  let why = refusal ?? whyNotRunning(facts.peer, shown);
  const isWaiting = why === undefined && shown.status?.phase === 'Pending' && !isTerminating(local);
  if (isWaiting && twin !== undefined && parts.link.downSince === undefined) {
    why = await parts.references.find(local, shown, twin.namespace, signal);
  }
  const heldMs = await parts.writer.write(local, { remote: shown, absent: undefined, refusal: why }, notes, signal);
  return [heldMs, isWaiting ? WAITING_MS : undefined];
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
