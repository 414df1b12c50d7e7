import { isDeepStrictEqual } from 'node:util';
import type { PodCondition, PodStatus } from './pod-types.ts';

/** Fields of the status that we own on a virtual node; no patch ever names another one. */
const OWN_FIELDS = [
  'phase',
  'reason',
  'message',
  'startTime',
  'hostIP',
  'hostIPs',
  'podIP',
  'podIPs',
  'initContainerStatuses',
  'containerStatuses',
  'ephemeralContainerStatuses',
] as const satisfies readonly (keyof PodStatus)[];

export type OwnField = (typeof OWN_FIELDS)[number] | 'conditions';

/** A status as strategic-merge patch: only what changed, null for what goes. */
export type StatusPatch = Partial<Record<OwnField, unknown>>;

/**
 * The strategic-merge patch from `here` to `wanted`, or undefined where they are equal, so that a pod that does not change
 * costs no write (POD-28). Conditions are merged by type, so those of others need not be known to stay.
 */
export function statusPatch(here: PodStatus | undefined, wanted: PodStatus): StatusPatch | undefined {
  const patch: StatusPatch = {};
  for (const field of OWN_FIELDS) {
    if (isDeepStrictEqual(here?.[field], wanted[field])) continue;
    const value = wanted[field];
    // Both address lists are merged by address in the API's schema: without the directive old ones would stay.
    patch[field] =
      value === undefined
        ? null
        : field === 'podIPs' || field === 'hostIPs'
          ? [...(value as object[]), { $patch: 'replace' }]
          : value;
  }
  const conditions = conditionsPatch(here?.conditions ?? [], wanted.conditions ?? []);
  if (conditions.length > 0) patch.conditions = conditions;
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function conditionsPatch(here: readonly PodCondition[], wanted: readonly PodCondition[]): object[] {
  const standing = new Map(here.map((condition) => [condition.type, condition]));
  const types = new Set(wanted.map(({ type }) => type));
  const changed = wanted.filter((condition) => !sameCondition(standing.get(condition.type), condition)).map(whole);
  const gone = here.filter(({ type }) => !types.has(type)).map(({ type }) => ({ type, $patch: 'delete' }));
  return [...changed, ...gone];
}

/** Probe times and generations are left aside: the API server prints empty ones, and they say nothing here. */
function sameCondition(a: PodCondition | undefined, b: PodCondition): boolean {
  return (
    a?.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.lastTransitionTime === b.lastTransitionTime
  );
}

/** A merge keeps fields that the new condition does not name: null clears a reason or sentence that no longer holds. */
function whole({ type, status, reason, message, lastTransitionTime }: PodCondition): object {
  return { type, status, reason: reason ?? null, message: message ?? null, lastTransitionTime };
}
