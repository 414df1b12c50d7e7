import type { Pod, ReplicaSet } from '#pkg/kube';
import { conditionOf, type ContainerStatus, hasRun, isTerminal } from './pod-types.ts';
import { type Refusal, refusal, refusalFromText } from './refusal.ts';

export type { Refusal } from './refusal.ts';

/** Waiting reasons of the kubelet that are about the image (pkg/kubelet/images/types.go). */
const IMAGE_REASONS = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

/**
 * Why the remote pod does not run, or undefined where it runs, has ended, or is on its way without trouble. Reads the
 * words of the provider's scheduler and kubelet (POD-72 to 74). Pure.
 */
export function whyNotRunning(peer: string, remote: Pod): Refusal | undefined {
  if (isTerminal(remote) || hasRun(remote)) return undefined;
  const scheduled = conditionOf(remote, 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    const message = scheduled.message ?? 'no reason given';
    // In the words of the scheduler (VolumeBinding): the twin has no claim of that name.
    const [, claim] = /persistentvolumeclaim "([^"]+)" not found/.exec(message) ?? [];
    return claim !== undefined
      ? refusal(peer, 'VolumeNotThere', `claim "${claim}" is not there: its storage belongs to another cluster`)
      : refusal(peer, 'RemoteUnschedulable', `its scheduler cannot place the pod: ${message}`);
  }
  const { initContainerStatuses = [], containerStatuses = [] } = remote.status ?? {};
  for (const status of [...initContainerStatuses, ...containerStatuses]) {
    const found = whyWaiting(peer, status);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Why a ReplicaSet has no pod: the answer that its controller got from the API server there (POD-70, 71, 75). */
export function whyNoPod(peer: string, wrapper: ReplicaSet): Refusal | undefined {
  const failure = wrapper.status?.conditions?.find(
    ({ type, status }) => type === 'ReplicaFailure' && status === 'True',
  );
  if (failure === undefined || failure.reason !== 'FailedCreate') return undefined;
  return refusalFromText(peer, failure.message ?? 'no reason given');
}

function whyWaiting(peer: string, { name, image, state }: ContainerStatus): Refusal | undefined {
  const waiting = state?.waiting;
  if (waiting?.reason === undefined) return undefined;
  if (IMAGE_REASONS.has(waiting.reason)) {
    const said = waiting.message ?? waiting.reason;
    return refusal(peer, 'ImagePull', `image "${image}" of container "${name}" cannot be pulled: ${said}`);
  }
  if (waiting.reason !== 'CreateContainerConfigError') return undefined;
  const message = waiting.message ?? '';
  // `configmap "x" not found`, `secret "x" not found`, `couldn't find key k in ConfigMap ns/x`
  return /not found|find key/.test(message)
    ? refusal(peer, 'MissingReference', `container "${name}" needs what is not there: ${message}`)
    : refusal(peer, 'Refused', `container "${name}" cannot be made: ${message}`);
}
