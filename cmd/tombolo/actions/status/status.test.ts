import { describe, expect, test } from 'vitest';
import type { Condition, Peer } from '#pkg/api';
import type { Lease, Node } from '#pkg/kube';
import { judge } from './judge.ts';
import { printStatus } from './print.ts';
import type { Facts } from './read.ts';

const NOW = new Date('2025-11-24T12:00:00Z');

/** So many seconds before NOW. */
const ago = (seconds: number): string => new Date(NOW.getTime() - seconds * 1000).toISOString();

function condition(type: string, status: Condition['status'], message: string): Condition {
  return { type, status, reason: 'Because', message, lastTransitionTime: ago(3600) };
}

const ROME: Peer = {
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

const lease = (name: string, seconds: number): Lease => ({
  metadata: { name },
  spec: { holderIdentity: 'x', leaseDurationSeconds: 15, renewTime: ago(seconds) },
});

const node: Node = {
  metadata: { name: 'rome' },
  status: { conditions: [{ type: 'Ready', status: 'True', message: 'the provider answers' }] },
};

const GOOD: Facts = {
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

function peerWith(status: Partial<NonNullable<Peer['status']>>): Peer {
  return { ...ROME, status: { ...ROME.status, ...status } };
}

describe('judge', () => {
  test('finds nothing wrong where all is well', () => {
    const view = judge(GOOD);
    expect(view.problems).toEqual([]);
    expect(view.healthy).toBe(true);
  });

  test('a condition that is not good is a problem with its sentence', () => {
    const peer = peerWith({
      conditions: [condition('ApiReachable', 'False', '198.18.0.3:6443 (TCP) does not answer')],
    });
    expect(judge({ ...GOOD, peers: [peer] }).problems).toEqual([
      'peer rome: ApiReachable is False: 198.18.0.3:6443 (TCP) does not answer',
    ]);
  });

  test('nothing is green while no controller leads', () => {
    for (const leaderLease of [undefined, lease('tombolo-controller', 60)]) {
      const view = judge({ ...GOOD, leaderLease });
      expect(view.healthy).toBe(false);
      expect(view.peers[0]?.conditions.map(({ status }) => status)).toEqual(['Unknown', 'Unknown', 'Unknown']);
    }
  });

  test('nothing of a peer is green that was verified too long ago', () => {
    const view = judge({ ...GOOD, peers: [peerWith({ lastVerifiedAt: ago(90) })] });
    expect(view.peers[0]?.conditions[1]).toMatchObject({
      status: 'Unknown',
      message: 'not verified for 1m30s; last known: it answers',
    });
    expect(view.healthy).toBe(false);
  });

  test.each([
    ['its lease is old', { nodeLeases: [lease('rome', 40)] }, 'not verified: our kubelet has given no sign for 40s'],
    ['it has no lease', { nodeLeases: [] }, 'not verified: our kubelet has given no sign'],
    ['it does not exist', { nodes: [] }, 'the node does not exist yet'],
    [
      'it says so',
      {
        nodes: [
          {
            metadata: { name: 'rome' },
            status: { conditions: [{ type: 'Ready', status: 'False', message: 'no answer' }] },
          },
        ],
      },
      'no answer',
    ],
  ])('a node is not ready when %s', (_, change, message) => {
    const view = judge({ ...GOOD, ...change });
    expect(view.peers[0]?.virtualNodes[0]).toMatchObject({ ready: false, message });
    expect(view.problems).toContain(`virtual node rome: ${message}`);
  });

  test('a real node that its agent cannot connect is named with what the agent says', () => {
    const condition = {
      type: 'tombolo.io/NetworkUnavailable',
      status: 'True',
      reason: 'OverlayPortTaken',
      message: 'taken',
    };
    const view = judge({ ...GOOD, realNodes: [{ metadata: { name: 'a' }, status: { conditions: [condition] } }] });
    expect(view.problems).toEqual(['node a does not reach peers: taken']);
  });

  test('what cannot be read is said, and the rest is still told', () => {
    const view = judge({ ...GOOD, unreadable: [{ what: 'the grants', why: 'forbidden' }] });
    expect(view.problems).toEqual(['the grants cannot be read: forbidden']);
    expect(view.peers).toHaveLength(1);
  });

  test('asked for one peer it leaves out the others and their namespaces', () => {
    const turin: Peer = { metadata: { name: 'turin' }, spec: { roles: ['Consume'] } };
    const view = judge({ ...GOOD, peers: [ROME, turin] }, 'rome');
    expect(view.peers.map(({ name }) => name)).toEqual(['rome']);
    expect(view.healthy).toBe(true);
    expect(judge({ ...GOOD, peers: [ROME, turin] }).problems).toEqual([
      'peer turin: no controller has looked at it yet',
    ]);
  });

  test('shows what is lent from the tenant namespace of the peer alone', () => {
    const grants = ['tombolo-tenant-rome', 'tombolo-tenant-turin'].map((namespace) => ({
      metadata: { name: 'rome', namespace },
      spec: { cordoned: true },
      status: { granted: { cpu: 4 }, used: { cpu: '1' } },
    }));
    const view = judge({ ...GOOD, peers: [peerWith({ tenantNamespace: 'tombolo-tenant-rome' })], grants });
    expect(view.peers[0]?.grants).toEqual([
      { name: 'rome', cordoned: true, granted: { cpu: '4' }, used: { cpu: '1' } },
    ]);
  });
});

test('printStatus reads as a page', async () => {
  await expect(printStatus(judge(GOOD), NOW)).toMatchFileSnapshot('../../testdata/status.golden');
});
