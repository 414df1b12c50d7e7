import type { Deployment, Pod, ReplicaSet } from '#pkg/kube';
import { CliError } from '../../errors.ts';

const REVISION = 'deployment.kubernetes.io/revision';
const TEMPLATE_HASH = 'pod-template-hash';

/**
 * The pods of the newest template: those of an earlier one may fail for a reason that an update is about to remove. None until
 * the Deployment's controller has made their ReplicaSet.
 */
export function newestPods(deployment: Deployment, replicaSets: readonly ReplicaSet[], pods: readonly Pod[]): Pod[] {
  const { uid, generation, annotations } = deployment.metadata;
  if (deployment.status?.observedGeneration !== generation) return [];
  const newest = replicaSets.find(
    ({ metadata }) =>
      metadata.ownerReferences?.some((owner) => owner.uid === uid) &&
      metadata.annotations?.[REVISION] === annotations?.[REVISION],
  );
  const hash = newest?.metadata.labels?.[TEMPLATE_HASH];
  return hash === undefined ? [] : pods.filter((pod) => pod.metadata.labels?.[TEMPLATE_HASH] === hash);
}

/** State of one Deployment of ours. */
export interface ProcessState {
  readonly name: string;
  readonly isReady: boolean;
  /** `2 of 2 ready`, or why not. */
  readonly words: string;
}

/**
 * How far a rollout is: ready when every replica runs the newest template and answers its probe, and none of the old ones
 * is left to answer.
 */
export function processState(deployment: Deployment, pods: readonly Pod[]): ProcessState {
  const { name, generation } = deployment.metadata;
  const wanted = deployment.spec?.replicas ?? 1;
  const status = deployment.status ?? {};
  const ready = status.readyReplicas ?? 0;
  if (wanted === 0) return { name, isReady: false, words: 'scaled to 0: it does not run' };
  const isReady =
    status.observedGeneration === generation &&
    status.updatedReplicas === wanted &&
    status.replicas === wanted &&
    ready === wanted &&
    (status.availableReplicas ?? 0) === wanted;
  const count = `${ready} of ${wanted} ready`;
  const reason = isReady
    ? undefined
    : (replicaFailure(deployment) ?? pods.map(waitingReason).find((why) => why !== undefined));
  return { name, isReady, words: reason === undefined ? count : `${count}: ${shortened(reason)}` };
}

/** Container runtimes write a page about an image that is not there; its beginning is what a progress line has room for. */
const MAX_REASON = 200;

function shortened(reason: string): string {
  return reason.length <= MAX_REASON ? reason : `${reason.slice(0, MAX_REASON)}…`;
}

function replicaFailure(deployment: Deployment): string | undefined {
  const failure = deployment.status?.conditions?.find(
    (entry) => entry.type === 'ReplicaFailure' && entry.status === 'True',
  );
  return failure === undefined ? undefined : `no pod can be made: ${failure.message ?? failure.reason}`;
}

/** Why a pod does not run yet, where that is more than "it starts". */
function waitingReason(pod: Pod): string | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  const scheduled = pod.status?.conditions?.find((entry) => entry.type === 'PodScheduled' && entry.status === 'False');
  if (scheduled !== undefined)
    return `pod ${pod.metadata.name} finds no node: ${scheduled.message ?? scheduled.reason}`;
  const waiting = pod.status?.containerStatuses?.find((entry) => entry.state?.waiting !== undefined)?.state?.waiting;
  if (waiting?.reason === undefined || waiting.reason === 'ContainerCreating') return undefined;
  return `pod ${pod.metadata.name}: ${waiting.message ?? waiting.reason}`;
}

/** Crashes that may come from starting before the API server answers; the third is no accident. */
const MAX_RESTARTS = 3;

const IMAGE_REASONS = new Set(['ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull']);

/** The error that ends the waiting at once, where a pod shows that it will not start by itself (CLI-02). */
export function startFailure(pod: Pod): CliError | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  const node = pod.spec?.nodeName ?? 'no node';
  for (const container of pod.status?.containerStatuses ?? []) {
    const waiting = container.state?.waiting;
    if (waiting?.reason !== undefined && IMAGE_REASONS.has(waiting.reason)) {
      const where = `image ${container.image} on node ${node}`;
      const why = waiting.message ?? waiting.reason;
      return new CliError('ImageNotPullable', { attempted: 'pull the image', where, why });
    }
    if (container.restartCount >= MAX_RESTARTS && !container.ready) {
      const ended = container.lastState?.terminated ?? container.state?.terminated;
      const why = lastWords(ended?.message) ?? `it ends with exit code ${ended?.exitCode ?? 'unknown'}`;
      return new CliError('ProcessNotStarting', {
        attempted: `start ${container.name}`,
        where: `pod ${pod.metadata.name} on node ${node}`,
        why,
      });
    }
  }
  return undefined;
}

/** The last line of a log, its message where the line is JSON. */
function lastWords(log: string | undefined): string | undefined {
  const line = log
    ?.split('\n')
    .findLast((text) => text.trim() !== '')
    ?.trim();
  if (line === undefined) return undefined;
  try {
    const parsed = JSON.parse(line) as { msg?: string; err?: { message?: string } };
    return parsed.err?.message ?? parsed.msg ?? line;
  } catch {
    return line; // not JSON: Node itself died, and the line says of what
  }
}
