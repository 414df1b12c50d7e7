import type { ContainerStatus } from './pod-types.ts';

/** Status of a container whose end nobody saw, as the kubelet writes it; one that has ended stays as it is. */
export function lostContainer(status: ContainerStatus): ContainerStatus {
  if (status.state?.terminated !== undefined) return status;
  return {
    ...status,
    ready: false,
    started: false,
    state: {
      terminated: {
        exitCode: 137, // 128 + SIGKILL: what the kubelet reports for containers it finds gone
        reason: 'ContainerStatusUnknown',
        message: 'The container could not be located when the pod was terminated',
      },
    },
  };
}
