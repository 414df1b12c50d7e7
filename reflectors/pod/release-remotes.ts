import type { Pod } from '#pkg/kube';
import { type PatchDeps, patchRemote } from './patch-remote.ts';
import type { PodParts } from './pod-run.ts';
import { releaseSteps } from './verdict-finalizer.ts';

/**
 * Takes our finalizer off remote pods whose end was read, or that nobody here asks for any more. Idempotent.
 * @throws PodError `Outdated` (retryable) where the cache is behind
 */
export async function releaseRemotes(
  pods: readonly Pod[],
  { deps, link }: PodParts,
  signal: AbortSignal,
): Promise<void> {
  const patching: PatchDeps = { remote: deps.remote, link };
  for (const pod of pods) {
    const steps = releaseSteps(pod);
    if (steps !== undefined) await patchRemote('Pod', pod, steps, patching, signal);
  }
}
