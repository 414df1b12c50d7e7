import type { Pod } from '#pkg/kube';
import type { Facts } from './plan.ts';
import { hasRun, isTerminal, isTerminating } from './pod-types.ts';
import { endOf, type RemoteEnd } from './remote-end.ts';
import { isKept } from './verdict-finalizer.ts';

/** {@link endOf}, beside what is shown here: what has run as far as we know did not end unstarted. */
export function endFor(local: Pod, remote: Pod): RemoteEnd | undefined {
  const end = endOf(remote);
  return end === 'unstarted' && hasRun(local) ? 'lost' : end;
}

/** Remote pods that need to be kept no longer once the rest of the plan is carried out. Pure. */
export function planRelease(facts: Facts): readonly Pod[] {
  return facts.remotes.filter((remote) => isKept(remote) && isRead(facts, remote));
}

/** Whether its end is shown here, or does not matter any more. A pod that is lost is so here first. */
function isRead({ local, twin }: Facts, remote: Pod): boolean {
  if (local === undefined || isTerminal(local)) return true;
  const end = endFor(local, remote);
  const goesAnyway = isTerminating(local) || (twin?.state === 'Ending' && !hasRun(local));
  return end !== undefined && (end !== 'lost' || goesAnyway);
}
