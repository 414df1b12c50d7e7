import { FINALIZER } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { appendSteps, type JsonPatchStep } from './json-patch.ts';
import { wrappingOf } from './wrapping.ts';

/**
 * The finalizer that keeps a remote pod which runs once until its end has been read (POD-23, kubernetes-facts 6). Whoever
 * reads it takes it off: we do when the local pod shows the verdict or needs none, the provider does where we are away.
 */
export function finalizersFor(local: Pod): string[] {
  return wrappingOf(local) === 'once' ? [FINALIZER.verdict] : [];
}

export function isKept({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(FINALIZER.verdict) === true;
}

/** For one that lost its wrapper to a deadline set later, or was made without the finalizer. */
export function holdSteps(local: Pod, living: Pod): JsonPatchStep[] {
  if (isKept(living) || finalizersFor(local).length === 0) return [];
  return appendSteps('/metadata/finalizers', living.metadata.finalizers, [FINALIZER.verdict]);
}

/** Takes it off; undefined where it is not there. */
export function releaseSteps({ metadata }: Pod): JsonPatchStep[] | undefined {
  const index = metadata.finalizers?.indexOf(FINALIZER.verdict) ?? -1;
  if (index < 0) return undefined;
  const path = `/metadata/finalizers/${index}`;
  return [
    { op: 'test', path: '/metadata/uid', value: metadata.uid },
    { op: 'test', path, value: FINALIZER.verdict },
    { op: 'remove', path },
  ];
}
