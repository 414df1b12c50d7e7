/** Pods for the tests of this folder: small, valid, and like an API server would store them. */
import type { Pod, ReplicaSet } from '#pkg/kube';
import type { Twin } from '#reflectors/framework';
import type { ContainerStatus, PodSpec, PodStatus } from './pod-types.ts';
import type { RemoteContext } from './to-remote.ts';

export const UID = '11111111-2222-3333-4444-555555555555';

export function localPod(
  overrides: { metadata?: Partial<Pod['metadata']>; spec?: Partial<PodSpec>; status?: PodStatus } = {},
): Pod {
  return {
    metadata: {
      name: 'web-7d9f8-abcde',
      namespace: 'shop',
      uid: UID,
      resourceVersion: '10',
      labels: { app: 'web' },
      ...overrides.metadata,
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      nodeName: 'rome',
      containers: [{ name: 'app', image: 'web:1' }],
      ...overrides.spec,
    },
    status: overrides.status ?? { phase: 'Pending', qosClass: 'BestEffort' },
  };
}

export function remotePod(
  overrides: { metadata?: Partial<Pod['metadata']>; spec?: Partial<PodSpec>; status?: PodStatus } = {},
): Pod {
  return {
    metadata: {
      name: 'web-7d9f8-abcde-x1y2z',
      namespace: 'shop-milan',
      uid: 'remote-1',
      resourceVersion: '900',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: 'web', 'tombolo.io/pod-uid': UID },
      annotations: { 'tombolo.io/home-name': 'web-7d9f8-abcde' },
      ...overrides.metadata,
    },
    spec: { containers: [{ name: 'app', image: 'web:1' }], terminationGracePeriodSeconds: 30, ...overrides.spec },
    status: overrides.status ?? { phase: 'Pending' },
  };
}

export function wrapperOf(overrides: Partial<ReplicaSet['metadata']> = {}): ReplicaSet {
  return {
    metadata: {
      name: 'web-7d9f8-abcde',
      namespace: 'shop-milan',
      uid: 'wrapper-1',
      labels: { 'tombolo.io/pod-uid': UID },
      ...overrides,
    },
    status: { replicas: 1 },
  };
}

export function containerStatus(overrides: Partial<ContainerStatus> = {}): ContainerStatus {
  return {
    name: 'app',
    image: 'web:1',
    imageID: 'web@sha256:1',
    ready: true,
    started: true,
    restartCount: 0,
    state: { running: { startedAt: '2026-01-01T00:00:02Z' } },
    lastState: {},
    ...overrides,
  };
}

export function runningStatus(overrides: Partial<PodStatus> = {}): PodStatus {
  const at = '2026-01-01T00:00:02Z';
  return {
    phase: 'Running',
    startTime: '2026-01-01T00:00:01Z',
    hostIP: '172.18.0.5',
    podIP: '10.244.1.7',
    podIPs: [{ ip: '10.244.1.7' }],
    conditions: [
      { type: 'PodScheduled', status: 'True', lastTransitionTime: at },
      { type: 'Initialized', status: 'True', lastTransitionTime: at },
      { type: 'ContainersReady', status: 'True', lastTransitionTime: at },
      { type: 'Ready', status: 'True', lastTransitionTime: at },
    ],
    containerStatuses: [containerStatus()],
    ...overrides,
  };
}

export const TWIN: Twin = {
  namespace: 'shop-milan',
  state: 'Accepted',
  reason: 'Accepted',
  message: 'accepted',
  ownerUid: 'owner-1',
};

export const CONTEXT: RemoteContext = { origin: 'milan', nodeName: 'rome', twin: TWIN, placement: {} };
