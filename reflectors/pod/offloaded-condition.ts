import { CONDITION } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { conditionOf, type PodCondition } from './pod-types.ts';
import type { Refusal } from './why-not-running.ts';

/** Reason of `tombolo.io/Offloaded`=True. */
const RUNNING = 'Running';

/**
 * The condition `tombolo.io/Offloaded` of a pod that runs. Its sentence ends with the remote pod's UID: that is where we
 * keep which remote pod the shown restart counts belong to, without a write of its own and safe over restarts (POD-19).
 */
export function runningCondition(remote: Pod, peer: string): PodCondition {
  const { namespace = '', name, uid = '' } = remote.metadata;
  return offloaded('True', RUNNING, `runs on ${peer} as ${namespace}/${name} (UID ${uid})`);
}

export function refusedCondition(refusal: Refusal): PodCondition {
  return offloaded('False', refusal.reason, refusal.message);
}

/** Without a time: whoever puts it among the others knows whether it is a transition. */
function offloaded(status: 'True' | 'False', reason: string, message: string): PodCondition {
  return { type: CONDITION.offloaded, status, reason, message };
}

/** UID of the remote pod whose counts `local` shows; undefined while none has run, or where a refusal took its place. */
export function shownRemoteUid(local: Pod): string | undefined {
  const condition = conditionOf(local, CONDITION.offloaded);
  if (condition?.status !== 'True') return undefined;
  return /\(UID ([0-9A-Za-z-]+)\)$/.exec(condition.message ?? '')?.[1];
}

/** RFC 3339 in seconds, as metav1.Time is written. */
export function toTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
