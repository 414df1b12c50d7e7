import { describe, expect, test } from 'vitest';
import type { Node } from '#pkg/kube';
import { type DesiredNode, desiredNode, type NodeFacts } from './desired-node.ts';
import { APPLIED_ANNOTATION } from './applied.ts';
import { appliedValue, planMetadata } from './plan-metadata.ts';
import { appliedResourcesValue, newStatus, planStatus } from './plan-status.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const later = (ms: number) => new Date(NOW.getTime() + ms);

function desired(facts: Partial<NodeFacts> = {}): DesiredNode {
  return desiredNode({
    name: 'rome',
    peer: 'rome',
    spec: { peer: 'rome' },
    status: { granted: { cpu: '4', memory: '8192Mi' } },
    addresses: ['10.244.0.7'],
    kubeletPort: 10260,
    version: '0.1.0',
    providerVersion: 'v1.35.4',
    ready: { ok: true, reason: 'ProviderReady', message: 'answers' },
    network: { ok: true, reason: 'NotChecked', message: 'none' },
    ...facts,
  });
}

/** The Node as the API server would store what we create. */
function stored(from: DesiredNode, status: Node['status'] = {}): Node {
  return {
    metadata: {
      name: from.name,
      uid: 'n1',
      labels: { ...from.labels },
      annotations: {
        [APPLIED_ANNOTATION.metadata]: appliedValue(from),
        [APPLIED_ANNOTATION.resources]: appliedResourcesValue(from),
      },
    },
    spec: { providerID: from.providerID, taints: [...from.taints] },
    status: { ...(newStatus(from, NOW) as NonNullable<Node['status']>), ...status },
  };
}

const print = (steps: ReturnType<typeof planMetadata>) =>
  steps.map(({ op, path, value }) => `${op} ${path}${value === undefined ? '' : ` ${JSON.stringify(value)}`}`);

describe('planMetadata', () => {
  test('writes nothing where all is well', () => {
    expect(planMetadata(stored(desired()), desired())).toEqual([]);
  });

  test("follows the user's labels and keeps those of others, also with the same prefix", () => {
    const node = stored(desired({ spec: { peer: 'rome', labels: { 'x.io/a': '1', 'x.io/b': '1' } } }));
    node.metadata.labels = { ...node.metadata.labels, 'x.io/other': 'kept' };
    const next = desired({ spec: { peer: 'rome', labels: { 'x.io/b': '2' } } });
    expect(print(planMetadata(node, next)).slice(0, 3)).toEqual([
      'test /metadata/uid "n1"',
      'add /metadata/labels/x.io~1b "2"',
      'remove /metadata/labels/x.io~1a',
    ]);
  });

  test('replaces the list of taints only if it is still the one that was read, and keeps those of others', () => {
    const node = stored(desired({ spec: { peer: 'rome', taints: [{ key: 'old', effect: 'NoSchedule' }] } }));
    const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute', timeAdded: '2026-01-01T00:00:00Z' };
    node.spec = { ...node.spec, taints: [notReady, ...(node.spec?.taints ?? [])] };
    const next = desired({ spec: { peer: 'rome', taints: [{ key: 'new', effect: 'NoExecute' }] } });
    const steps = planMetadata(node, next);
    expect(steps.find(({ op, path }) => op === 'test' && path === '/spec/taints')?.value).toEqual(node.spec.taints);
    expect(steps.find(({ op, path }) => op === 'replace' && path === '/spec/taints')?.value).toEqual([
      notReady,
      { key: 'tombolo.io/virtual-node', value: 'rome', effect: 'NoSchedule' },
      { key: 'new', effect: 'NoExecute' },
    ]);
  });

  test('repairs what somebody took away, and leaves a cordon alone', () => {
    const node = stored(desired());
    delete node.metadata.labels?.['tombolo.io/peer'];
    node.spec = { providerID: 'tombolo://rome/rome', unschedulable: true };
    const steps = print(planMetadata(node, desired()));
    expect(steps).toContain('add /metadata/labels/tombolo.io~1peer "rome"');
    expect(steps.some((step) => step.startsWith('add /spec/taints'))).toBe(true);
    expect(steps.join()).not.toContain('unschedulable');
  });
});

describe('planStatus', () => {
  test('writes nothing where all is well, whatever the API server made of the amounts', () => {
    const amounts = { cpu: '4', memory: '8Gi' };
    const node = stored(desired(), { capacity: amounts, allocatable: amounts });
    expect(planStatus(node, desired(), later(60_000))).toBeUndefined();
  });

  test('confirms its conditions every 5 minutes, without a transition', () => {
    const plan = planStatus(stored(desired()), desired(), later(300_000));
    expect(plan?.isHeartbeatOnly).toBe(true);
    expect(plan?.body).toMatchObject({
      status: {
        conditions: expect.arrayContaining([
          expect.objectContaining({
            type: 'Ready',
            lastHeartbeatTime: '2026-01-01T00:05:00Z',
            lastTransitionTime: '2026-01-01T00:00:00Z',
          }),
        ]),
      },
    });
  });

  test('writes only the condition that changed', () => {
    const next = desired({ ready: { ok: false, reason: 'ProviderUnreachable', message: 'gone' } });
    const plan = planStatus(stored(desired()), next, later(1_000));
    expect(plan?.body).toEqual({
      metadata: { uid: 'n1' },
      status: {
        conditions: [
          {
            type: 'Ready',
            status: 'False',
            reason: 'ProviderUnreachable',
            message: 'gone',
            lastHeartbeatTime: '2026-01-01T00:00:01Z',
            lastTransitionTime: '2026-01-01T00:00:01Z',
          },
        ],
      },
    });
  });

  test('takes away a key that left the grant, and keeps one that others patched in', () => {
    const amounts = { cpu: '4', gpu: '1', 'example.com/dongle': '2' };
    const before = desired({ status: { granted: { cpu: '4', gpu: '1' } } });
    const node = stored(before, { capacity: amounts, allocatable: amounts });
    const plan = planStatus(node, desired({ status: { granted: { cpu: '2' } } }), NOW);
    expect(plan?.body).toMatchObject({
      metadata: { annotations: { [APPLIED_ANNOTATION.resources]: '["cpu"]' } },
      status: { capacity: { cpu: '2', gpu: null }, allocatable: { cpu: '2', gpu: null } },
    });
    expect(JSON.stringify(plan?.body)).not.toContain('dongle');
  });

  test('moves the endpoint when another replica takes the node over', () => {
    const plan = planStatus(stored(desired()), desired({ addresses: ['10.244.0.9'], kubeletPort: 10261 }), NOW);
    expect(plan?.body).toMatchObject({
      status: {
        addresses: [{ $patch: 'replace' }, { type: 'InternalIP', address: '10.244.0.9' }],
        daemonEndpoints: { kubeletEndpoint: { Port: 10261 } },
      },
    });
  });
});
