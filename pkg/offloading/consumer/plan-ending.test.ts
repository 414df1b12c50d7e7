import { expect, test } from 'vitest';
import type { Pod } from '#pkg/kube';
import { planEnding } from './plan-ending.ts';

interface Parts {
  kind?: string;
  phase?: string;
  started?: boolean;
  node?: string;
  isDeleted?: boolean;
  madeAt?: string;
}
function pod(
  name: string,
  {
    kind,
    phase = 'Running',
    started = false,
    node = 'rome',
    isDeleted = false,
    madeAt = '2026-01-01T00:00:00Z',
  }: Parts,
): Pod {
  return {
    metadata: {
      name,
      creationTimestamp: madeAt,
      ...(kind !== undefined && {
        ownerReferences: [{ apiVersion: 'apps/v1', kind, name: 'o', uid: 'u', controller: true }],
      }),
      ...(isDeleted && { deletionTimestamp: '2026-01-01T00:01:00Z' }),
    },
    spec: { nodeName: node, containers: [] },
    status: { phase, ...(started && { containerStatuses: [{ restartCount: 1 }] }) },
  } as unknown as Pod;
}
const plan = (pods: Pod[], madeBefore?: Date) => {
  const { evict, fail, leaving } = planEnding(pods, { isEnding: (node) => node === 'rome', madeBefore });
  const names = (list: readonly Pod[]) => list.map((entry) => entry.metadata.name);
  return { evict: names(evict), fail: names(fail), leaving: names(leaving) };
};

test('controlled pods are evicted, bare running ones fail, finished and never-started bare ones stay', () => {
  const pods = [
    pod('web', { kind: 'ReplicaSet' }),
    pod('pending', { kind: 'ReplicaSet', phase: 'Pending' }),
    pod('bare', {}),
    pod('initializing', { phase: 'Pending', started: true }),
    pod('never', { phase: 'Pending' }),
    pod('finished', { phase: 'Succeeded' }),
    pod('job', { kind: 'Job', phase: 'Failed' }),
    pod('going', { kind: 'ReplicaSet', isDeleted: true }),
  ];
  expect(plan(pods)).toEqual({ evict: ['web', 'pending'], fail: ['bare', 'initializing'], leaving: ['going'] });
});

test('pods on other nodes, and on none, are not touched', () => {
  expect(plan([pod('home', { node: 'milan-node1' }), pod('unbound', { node: '' })])).toEqual({
    evict: [],
    fail: [],
    leaving: [],
  });
});

test('a pod of a DaemonSet that never started is left, since the next one would come to the same node', () => {
  expect(plan([pod('d', { kind: 'DaemonSet', phase: 'Pending' }), pod('e', { kind: 'DaemonSet' })]).evict).toEqual([
    'e',
  ]);
});

test('pods that were made for the next offloading are not ended with the last one', () => {
  const end = new Date('2026-01-01T00:00:10Z');
  const pods = [pod('old', { madeAt: '2026-01-01T00:00:10Z' }), pod('new', { madeAt: '2026-01-01T00:00:11Z' })];
  expect(plan(pods, end).fail).toEqual(['old']);
});
