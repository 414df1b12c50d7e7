import type { Condition } from './shared-schemas.ts';

export type ConditionUpdate = Omit<Condition, 'lastTransitionTime'>;

/**
 * `conditions` with `update` in place of the one of its type. `lastTransitionTime` moves only when `status` does
 * (metav1.Condition). Returns the same array when nothing changed, so that callers can skip the write.
 * @param now time of the change
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  update: ConditionUpdate,
  now: Date,
): Condition[] {
  const list = conditions ?? [];
  const old = list.find((entry) => entry.type === update.type);
  if (
    old !== undefined &&
    old.status === update.status &&
    old.reason === update.reason &&
    old.message === update.message &&
    old.observedGeneration === update.observedGeneration
  ) {
    return list as Condition[];
  }
  const lastTransitionTime =
    old?.status === update.status ? old.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`;
  const next = { ...update, lastTransitionTime };
  return old === undefined ? [...list, next] : list.map((entry) => (entry === old ? next : entry));
}

export function getCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((entry) => entry.type === type);
}

export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return getCondition(conditions, type)?.status === 'True';
}
