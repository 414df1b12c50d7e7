import type { Pod } from '#pkg/kube';
import { isTerminal, isTerminating } from './pod-types.ts';

/** The remote pod that a local pod shows, and those that are only left over. */
export interface Chosen {
  readonly living: Pod | undefined;
  /** Ended pods beside a living one: the ReplicaSet has replaced them and nothing collects them soon (POD-20). */
  readonly leftovers: readonly Pod[];
}

/**
 * Of several remote pods of one local pod: one that lives, before one that is going, before one that has ended; the
 * youngest of equals.
 */
export function chooseRemote(remotes: readonly Pod[]): Chosen {
  const [living] = remotes.toSorted(
    (a, b) =>
      rank(a) - rank(b) || created(b).localeCompare(created(a)) || a.metadata.name.localeCompare(b.metadata.name),
  );
  const hasLiving = living !== undefined && rank(living) === 0;
  const leftovers = hasLiving ? remotes.filter((pod) => pod !== living && isTerminal(pod) && !isTerminating(pod)) : [];
  return { living, leftovers };
}

function rank(pod: Pod): number {
  if (isTerminal(pod)) return 2;
  return isTerminating(pod) ? 1 : 0;
}

function created(pod: Pod): string {
  return pod.metadata.creationTimestamp ?? '';
}
