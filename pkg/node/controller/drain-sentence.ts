import type { ConditionUpdate } from '#pkg/api';
import type { Blocked } from './evictions.ts';

export const DEFAULT_DRAIN_SECONDS = 300;

/** How far the removal of a virtual node has come. */
export interface DrainProgress {
  readonly peer: string;
  readonly podsLeft: number;
  readonly blocked: readonly Blocked[];
  readonly drainSeconds: number;
  readonly isPastDeadline: boolean;
  /** Why the provider cannot be reached; undefined while it can. */
  readonly peerAway: string | undefined;
}

/** The condition `Draining`: pods left, what holds them, and what would force it (NODE-24 to 26). */
export function drainCondition(progress: DrainProgress): ConditionUpdate {
  const { peer, podsLeft, blocked, drainSeconds, isPastDeadline, peerAway } = progress;
  const left = podsLeft === 0 ? 'no pods left' : `${podsLeft} ${podsLeft === 1 ? 'pod' : 'pods'} left`;
  const away =
    peerAway === undefined ? '' : `; waits for peer ${peer} (${peerAway}), or \`tombolo unpeer ${peer} --force\``;
  const late = isPastDeadline
    ? `; past the deadline of ${drainSeconds} s, nothing is forced: relax what blocks, delete the pods, or \`tombolo unpeer ${peer} --force\``
    : '';
  return {
    type: 'Draining',
    status: 'True',
    reason: reasonOf(progress),
    message: `${left}${blockers(blocked)}${away}${late}`,
  };
}

function reasonOf({ isPastDeadline, peerAway, blocked, podsLeft }: DrainProgress): string {
  if (peerAway !== undefined) return 'ProviderUnreachable';
  if (isPastDeadline) return 'DeadlinePassed';
  if (blocked.length > 0) return 'Blocked';
  return podsLeft > 0 ? 'Evicting' : 'Removing';
}

/** Names each budget once, and the first of the pods that something else holds. */
function blockers(blocked: readonly Blocked[]): string {
  const budgets = new Map<string, number>();
  for (const { budget } of blocked) if (budget !== undefined) budgets.set(budget, (budgets.get(budget) ?? 0) + 1);
  const named = [...budgets].map(([budget, pods]) => `PodDisruptionBudget ${budget} blocks ${pods}`);
  const other = blocked.find(({ budget }) => budget === undefined);
  if (other !== undefined) named.push(`pod ${other.pod}: ${other.why}`);
  return named.length === 0 ? '' : `; ${named.join(', ')}`;
}
