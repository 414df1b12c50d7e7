import { KubeError, type Pod } from '#pkg/kube';
import { chooseRemote } from './choose-remote.ts';
import { livePodPatch, wrapperPatch } from './live-update.ts';
import { patchRemote } from './patch-remote.ts';
import type { PodParts, PodRun } from './pod-run.ts';
import { isTerminal, isTerminating } from './pod-types.ts';
import { remoteContext } from './remote-context.ts';
import { asPod } from './status-writer.ts';

/** Carries changes of a living pod over, to it and to what a re-creation is made from. */
export async function updateLiving(parts: PodParts, { facts, notes }: PodRun, shown: Pod, signal: AbortSignal): Promise<void> {
  const { local, wrapper } = facts;
  const context = local === undefined ? undefined : remoteContext(parts.deps, local);
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
