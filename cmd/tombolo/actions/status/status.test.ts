import { describe, expect, test } from 'vitest';
import type { Peer } from '#pkg/api';
import { judge } from './judge.ts';
import { printStatus } from './print.ts';
import { ago, condition, GOOD, lease, NOW, ROME } from './test-facts.ts';

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
