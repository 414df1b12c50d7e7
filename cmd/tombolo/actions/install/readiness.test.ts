import { describe, expect, test } from 'vitest';
import type { Deployment, Pod, ReplicaSet } from '#pkg/kube';
import { newestPods, processState, startFailure } from './readiness.ts';

function deployment(status: Deployment['status'], replicas = 2): Deployment {
  const metadata = { name: 'tombolo-controller', generation: 3 };
  return { metadata, spec: { replicas, selector: {}, template: {} }, ...(status !== undefined && { status }) };
}

const READY = { observedGeneration: 3, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };

function pod(status: Pod['status']): Pod {
  return {
    metadata: { name: 'tombolo-controller-x' },
    spec: { nodeName: 'node1', containers: [] },
    ...(status !== undefined && { status }),
  };
}

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

function container(fields: Partial<ContainerStatus>): Pod {
  return pod({
    containerStatuses: [
      { name: 'controller', image: 'tombolo:1', imageID: '', ready: false, restartCount: 0, ...fields },
    ],
  });
}

describe('processState', () => {
  test('is ready when every replica runs the newest template', () => {
    expect(processState(deployment(READY), [])).toEqual({
      name: 'tombolo-controller',
      isReady: true,
      words: '2 of 2 ready',
    });
  });

  test.each([
    ['an old pod is left', { ...READY, replicas: 3 }],
    ['the newest template was not seen', { ...READY, observedGeneration: 2 }],
    ['a replica is not updated', { ...READY, updatedReplicas: 1 }],
    ['nothing is reported', undefined],
  ])('is not while %s', (_, status) => {
    expect(processState(deployment(status), []).isReady).toBe(false);
  });

  test('says why a pod waits', () => {
    const unschedulable = pod({
      conditions: [
        { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes are available' },
      ],
    });
    expect(processState(deployment({}), [unschedulable]).words).toBe(
      '0 of 2 ready: pod tombolo-controller-x finds no node: 0/1 nodes are available',
    );
    const failing = deployment({
      conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' }],
    });
    expect(processState(failing, []).words).toBe('0 of 2 ready: no pod can be made: exceeded quota');
  });
});

describe('newestPods', () => {
  const REVISION = 'deployment.kubernetes.io/revision';
  const replicaSet = (hash: string, revision: string): ReplicaSet => ({
    metadata: {
      name: hash,
      labels: { 'pod-template-hash': hash },
      annotations: { [REVISION]: revision },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'tombolo-controller', uid: 'u1' }],
    },
  });
  const sets = [replicaSet('old', '1'), replicaSet('new', '2')];
  const pods = ['old', 'new'].map((hash) => ({ metadata: { name: hash, labels: { 'pod-template-hash': hash } } }));
  const updated: Deployment = {
    ...deployment({ observedGeneration: 3 }),
    metadata: { name: 'tombolo-controller', uid: 'u1', generation: 3, annotations: { [REVISION]: '2' } },
  };

  test('leaves out the pods of an earlier template', () => {
    expect(newestPods(updated, sets, pods).map((item) => item.metadata.name)).toEqual(['new']);
  });

  test('is empty until the newest template was seen', () => {
    expect(newestPods({ ...updated, status: { observedGeneration: 2 } }, sets, pods)).toEqual([]);
    expect(newestPods(updated, sets.slice(0, 1), pods)).toEqual([]);
  });
});

describe('startFailure', () => {
  test('CLI-02 an image that cannot be pulled is named with its node', () => {
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "tombolo:1"' };
    expect(startFailure(container({ state: { waiting } }))).toMatchObject({
      code: 'ImageNotPullable',
      where: 'image tombolo:1 on node node1',
      why: waiting.message,
    });
  });

  test('a process that keeps ending is quoted', () => {
    const log = 'starting\n{"level":60,"msg":"stopped","err":{"message":"flag --x is wrong"}}\n';
    const lastState = { terminated: { exitCode: 1, message: log } };
    expect(startFailure(container({ restartCount: 3, lastState }))).toMatchObject({
      code: 'ProcessNotStarting',
      why: 'flag --x is wrong',
    });
    expect(startFailure(container({ restartCount: 3, lastState: { terminated: { exitCode: 137 } } }))?.why).toBe(
      'it ends with exit code 137',
    );
  });

  test('a first failure, a pod that runs and one that is going are no failure', () => {
    expect(startFailure(container({ state: { waiting: { reason: 'ErrImagePull' } } }))).toBeUndefined();
    expect(startFailure(container({ restartCount: 1 }))).toBeUndefined();
    expect(startFailure(container({ restartCount: 9, ready: true }))).toBeUndefined();
    const going = container({ state: { waiting: { reason: 'ImagePullBackOff' } } });
    expect(startFailure({ ...going, metadata: { ...going.metadata, deletionTimestamp: 'now' } })).toBeUndefined();
  });
});
