import type { Condition, Peer } from '#pkg/api';
import type { Lease, Node } from '#pkg/kube';
import type { Facts } from './read.ts';

export const NOW = new Date('2025-11-24T12:00:00Z');

/** So many seconds before NOW. */
export const ago = (seconds: number): string => new Date(NOW.getTime() - seconds * 1000).toISOString();

export function condition(type: string, status: Condition['status'], message: string): Condition {
  return { type, status, reason: 'Because', message, lastTransitionTime: ago(3600) };
}

export const ROME: Peer = {
  metadata: { name: 'rome' },
  spec: { roles: ['Consume'] },
  status: {
    phase: 'Ready',
    roles: ['Consume'],
    clusterName: 'rome',
    nameThere: 'milan',
    fingerprint: 'ab'.repeat(32),
    apiServer: 'https://198.18.0.3:6443',
    apiPath: 'Direct',
    roundTripMilliseconds: 3,
    version: '0.1.0',
    kubernetesVersion: 'v1.35.4',
    credentialExpiresAt: ago(-1800),
    lastVerifiedAt: ago(5),
    conditions: [
      condition('Authenticated', 'True', 'the key was shown'),
      condition('ApiReachable', 'True', 'it answers'),
      condition('Degraded', 'False', 'nothing is out of order'),
    ],
  },
};

export const lease = (name: string, seconds: number): Lease => ({
  metadata: { name },
  spec: { holderIdentity: 'x', leaseDurationSeconds: 15, renewTime: ago(seconds) },
});

const node: Node = {
  metadata: { name: 'rome' },
  status: { conditions: [{ type: 'Ready', status: 'True', message: 'the provider answers' }] },
};

/** What is read of a cluster where all is well, for tests that change a part of it. */
export const GOOD: Facts = {
  contextName: 'milan',
  now: NOW,
  kubernetesVersion: 'v1.35.4',
  info: { clusterName: 'milan', fingerprint: 'cd'.repeat(32), addresses: ['198.18.0.2:30443'], version: '0.1.0' },
  processes: [{ name: 'tombolo-controller', isReady: true, words: '2 of 2 ready' }],
  leaderLease: lease('tombolo-controller', 2),
  peers: [ROME],
  virtualNodes: [
    {
      metadata: { name: 'rome' },
      spec: { peer: 'rome' },
      status: { nodeName: 'rome', granted: { cpu: '4', pods: 110 }, used: { cpu: '1', pods: 2 } },
    },
  ],
  nodes: [node],
  realNodes: [],
  nodeLeases: [lease('rome', 4)],
  offloadings: [
    {
      metadata: { name: 'offloading', namespace: 'shop' },
      spec: {},
      status: {
        summary: 'AllReady',
        peers: [
          { peer: 'rome', twin: 'shop-milan', state: 'Accepted', reason: 'Accepted', message: 'the twin stands' },
        ],
      },
    },
  ],
  grants: [],
  claims: [],
  unreadable: [],
};
