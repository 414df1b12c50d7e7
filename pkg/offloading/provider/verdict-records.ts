import { LABEL } from '#pkg/api';
import type { Pod } from '#pkg/kube';

/** Half of what a ConfigMap may hold: about a thousand pods. A consumer that loses more in one absence loses the oldest. */
const MAX_BYTES = 512 * 1024;

export interface Recording {
  readonly at: Date;
  /** When their namespace was deleted: a pod only says when it was over, not when it was asked to end. */
  readonly namespaceDeletedAt: string | undefined;
}

/** What a consumer needs to tell how the pod ended (`reflectors/pod/remote-end.ts`), as JSON. */
export function verdictRecord(pod: Pod, { at, namespaceDeletedAt }: Recording): string {
  const { name, namespace, uid, creationTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  const [deletionTimestamp] = [namespaceDeletedAt, pod.metadata.deletionTimestamp]
    .filter((time) => time !== undefined)
    .sort();
  const { phase, reason, message, startTime, conditions, initContainerStatuses, containerStatuses } = pod.status ?? {};
  return JSON.stringify({
    at: at.toISOString(),
    metadata: { name, namespace, uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds },
    spec: { nodeName: pod.spec?.nodeName, containers: [] },
    status: { phase, reason, message, startTime, conditions, initContainerStatuses, containerStatuses },
  });
}

/**
 * `standing` with the records of `pods` put in, under the UID of the local pod each; the oldest go where all together are
 * too large. Pure.
 */
export function withRecords(
  standing: Readonly<Record<string, string>>,
  pods: readonly Pod[],
  recording: Recording,
): Record<string, string> {
  const all = new Map(Object.entries(standing));
  for (const pod of pods) {
    const podUid = pod.metadata.labels?.[LABEL.podUid];
    if (podUid !== undefined) all.set(podUid, verdictRecord(pod, recording));
  }
  const newestFirst = [...all].toSorted(([, a], [, b]) => recordedAt(b).localeCompare(recordedAt(a)));
  const kept: [string, string][] = [];
  let bytes = 0;
  for (const [podUid, record] of newestFirst) {
    bytes += Buffer.byteLength(record) + podUid.length;
    if (bytes > MAX_BYTES) break;
    kept.push([podUid, record]);
  }
  return Object.fromEntries(kept);
}

/** Empty, and so the oldest, where somebody else wrote there. */
function recordedAt(record: string): string {
  return /^\{"at":"([0-9TZ:.-]+)"/.exec(record)?.[1] ?? '';
}
