import { CONDITION } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { conditionOf, type PodCondition } from './pod-types.ts';
import { type Refusal, SENTENCE_LENGTH } from './refusal.ts';

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

/**
 * @param ranAs UID of the remote pod that ran before and is gone: it stands at the end of the sentence until another one
 *   takes over, so that this one counts as a restart (POD-18, POD-43)
 */
export function refusedCondition({ reason, message }: Refusal, ranAs?: string): PodCondition {
  if (ranAs === undefined) return offloaded('False', reason, message);
  const suffix = ` (ran as UID ${ranAs})`;
  const room = SENTENCE_LENGTH - suffix.length;
  return offloaded('False', reason, `${message.length <= room ? message : `${message.slice(0, room - 1)}…`}${suffix}`);
}

/** Of a pod whose remote pod is not there for now, without anything in its way; undefined where none has run. */
export function goneCondition(reason: string, ranAs: string | undefined): PodCondition | undefined {
  if (ranAs === undefined) return undefined;
  return offloaded('False', reason, `its remote pod is not there (ran as UID ${ranAs})`);
}

/** Without a time: whoever puts it among the others knows whether it is a transition. */
function offloaded(status: 'True' | 'False', reason: string, message: string): PodCondition {
  return { type: CONDITION.offloaded, status, reason, message };
}

/** UID of the remote pod whose counts `local` shows; undefined while none has run, or where nothing says which. */
export function shownRemoteUid(local: Pod): string | undefined {
  const { status, message = '' } = conditionOf(local, CONDITION.offloaded) ?? {};
  return (status === 'True' ? RUNS_AS : RAN_AS).exec(message)?.[1];
}

const RUNS_AS = /\(UID ([0-9A-Za-z-]+)\)$/;
const RAN_AS = /\(ran as UID ([0-9A-Za-z-]+)\)$/;

/** RFC 3339 in seconds, as metav1.Time is written. */
export function toTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
