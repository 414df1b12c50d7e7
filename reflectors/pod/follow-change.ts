import type { EventRecorder, Pod, ReplicaSet } from '#pkg/kube';
import type { Clock } from '#pkg/runtime';
import type { Asked } from './asked.ts';
import { chooseRemote } from './choose-remote.ts';
import { missingEphemerals } from './ephemeral.ts';
import type { GrantLedger } from './grant-ledger.ts';
import { livePodPatch, wrapperPatch } from './live-update.ts';
import { isRefused, mergeRemotePod, type PatchDeps, patchRemote } from './patch-remote.ts';
import type { PodNotes } from './pod-memory.ts';
import type { PodParts, PodRun } from './pod-run.ts';
import { isTerminal, isTerminating } from './pod-types.ts';
import { remoteContext } from './remote-context.ts';
import { planResize, type ResizePlan, sendResize } from './resize.ts';
import { asPod } from './status-writer.ts';
import type { RemoteContext } from './to-remote.ts';
import { wrappingOf } from './wrapping.ts';

/** A local pod that lives, and what of it is at the provider. */
export interface Changing {
  readonly local: Pod;
  readonly asked: Asked;
  /** Undefined where none lives, or none was made yet. */
  readonly remote: Pod | undefined;
  readonly wrapper: ReplicaSet | undefined;
  readonly context: RemoteContext;
  readonly notes: PodNotes;
}

export interface Change extends Changing {
  /** Undefined without a remote pod. */
  readonly resize: ResizePlan | undefined;
}

/** What of the pod of a run is to follow; undefined where there is nothing that could. */
export function planChange({ deps, ledger }: PodParts, { asked, facts, notes, plan }: PodRun): Change | undefined {
  const { local, remotes, wrapper } = facts;
  const context = local === undefined ? undefined : remoteContext(deps, local);
  if (local === undefined || asked === undefined || context === undefined) return undefined;
  if (isTerminating(local) || isTerminal(local)) return undefined;
  // A deadline must not reach a pod while its wrapper would still replace it (POD-60).
  if (plan.refusal !== undefined || plan.orphan !== undefined) return undefined;
  const { living } = chooseRemote(remotes);
  const remote = living === undefined || isTerminal(living) || isTerminating(living) ? undefined : living;
  return changeOf({ local, asked, remote, wrapper, context, notes }, { ledger, clock: deps.clock });
}

/** Decides on the size of the pod, since the status is to tell of that before anything is sent. */
export function changeOf(changing: Changing, { ledger, clock }: { ledger: GrantLedger; clock: Clock }): Change {
  const { local, remote, asked, notes } = changing;
  return {
    ...changing,
    resize: remote === undefined ? undefined : planResize(local, remote, asked, { ledger, notes, clock }),
  };
}

/**
 * Carries what changed at home over (POD-58 to POD-63), to the living remote pod and to what a later one is made from. A
 * part that the provider refuses is told in an event, not sent again, and keeps back no other part.
 * @returns the time after which to look again
 * @throws PodError `ProviderUnreachable` or `Outdated` (both retryable): the next look sends what is still missing
 */
export async function followChange(
  { local, asked, remote, wrapper, context, notes, resize }: Change,
  { deps, link }: Pick<PodParts, 'deps' | 'link'>,
  signal: AbortSignal,
): Promise<number | undefined> {
  const patching: PatchDeps = { remote: deps.remote, link };
  const apply = async (part: string, patch: unknown, send: () => Promise<void>) => {
    const change = JSON.stringify(patch);
    if (notes.refusedChanges.get(part) === change) return;
    try {
      await send();
      notes.refusedChanges.delete(part);
    } catch (error) {
      if (!isRefused(error)) throw error;
      notes.refusedChanges.set(part, change);
      tellRefused(local, part, error.why, deps.remote.peer, deps.events);
    }
  };

  if (remote !== undefined) {
    const steps = livePodPatch(local, remote, context);
    if (steps !== undefined) await apply('the pod', steps, () => patchRemote('Pod', remote, steps, patching, signal));
    const ephemeralContainers = missingEphemerals(local, remote, context);
    if (ephemeralContainers.length > 0) {
      const part = { subresource: 'ephemeralcontainers', spec: { ephemeralContainers } } as const;
      await apply('its ephemeral containers', part, () => mergeRemotePod(remote, part, patching, signal));
    }
  }
  if (wrapper !== undefined && !isTerminating(wrapper) && wrappingOf(local) === 'replica-set') {
    const steps = wrapperPatch(asked.standing, wrapper, context);
    if (steps !== undefined) {
      await apply('its ReplicaSet', steps, () => patchRemote('ReplicaSet', wrapper, steps, patching, signal));
    }
  }
  if (remote === undefined || resize === undefined) return undefined;
  if (resize.patch === undefined) return resize.recheckMs;
  return await sendResize(remote, resize.patch, { ...patching, notes, clock: deps.clock }, signal);
}

function tellRefused(local: Pod, part: string, why: string, peer: string, events: Pick<EventRecorder, 'event'>): void {
  events.event(asPod(local), 'Warning', 'FailedReflection', `${peer}: a change of ${part} was refused: ${why}`);
}
