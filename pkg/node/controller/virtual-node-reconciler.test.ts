import { beforeEach, describe, expect, test } from 'vitest';
import { GRANT, type Grant, getCondition, type VirtualNode, VIRTUAL_NODE } from '#pkg/api';
import { type Cluster, NODE, POD, type Resource } from '#pkg/kube';
import { createQueue, type FakeClock, fakeClock, type Reconciler, silentLog } from '#pkg/runtime';
import type { PeerCluster } from '../peer-cluster.ts';
import { refused, type TestClient, testClient } from '../test-client.ts';
import { virtualNodeReconciler } from './virtual-node-reconciler.ts';

const VN: Resource<VirtualNode> = VIRTUAL_NODE;
const signal = new AbortController().signal;
let home: TestClient;
let rome: TestClient;
let clock: FakeClock;
let connection: PeerCluster | undefined;
let isAbandoned: boolean;
let ended: string[];
let reconciler: Reconciler;
const run = () => reconciler.reconcile('rome', signal);
const virtualNode = () => home.get(VN, { name: 'rome' });
const draining = () => getCondition(virtualNode()?.status?.conditions, 'Draining');
const granted = () => getCondition(virtualNode()?.status?.conditions, 'Granted');

beforeEach(() => {
  home = testClient();
  rome = testClient();
  clock = fakeClock();
  isAbandoned = false;
  ended = [];
  const cluster = {
    server: 'https://rome:6443',
    client: rome.client,
    informer: () => rome.informer<Grant>(GRANT),
  } as unknown as Cluster;
  connection = { peer: 'rome', origin: 'milan', tenantNamespace: 'tombolo-tenant-milan', cluster, signal };
  reconciler = virtualNodeReconciler({
    client: home.client,
    virtualNodes: home.informer(VN),
    peers: { get: () => connection, on: () => ({ [Symbol.dispose]: () => undefined }) },
    queue: createQueue({ name: 'test', clock }),
    signal,
    isAbandoned: () => isAbandoned,
    onPeerEnding: (peer) => ended.push(peer),
    clock,
    log: silentLog,
  });
  home.put(VN, {
    metadata: { name: 'rome', finalizers: ['tombolo.io/virtual-node'] },
    spec: { peer: 'rome' },
  } as VirtualNode);
});

function answer(status: Grant['status'], spec: Grant['spec'] = {}): void {
  const old = rome.get<Grant>(GRANT, { name: 'rome', namespace: 'tombolo-tenant-milan' });
  rome.put(GRANT, {
    ...old,
    spec: { ...old?.spec, ...spec },
    status,
    metadata: { name: 'rome', namespace: 'tombolo-tenant-milan' },
  } as Grant);
}

describe('asking for a grant', () => {
  test('NODE-30 keys that are not asked get defaults', async () => {
    home.put(VN, {
      metadata: { name: 'rome' },
      spec: { peer: 'rome', resources: { cpu: '2', gpu: 1 } },
    } as VirtualNode);
    await run();
    expect(rome.writes).toEqual(['create Grant rome']);
    expect(rome.bodies[0]).toMatchObject({
      metadata: { name: 'rome', namespace: 'tombolo-tenant-milan' },
      spec: { requested: { cpu: '2', memory: '8Gi', 'ephemeral-storage': '20Gi', pods: '110', gpu: 1 } },
    });
    expect(virtualNode()?.metadata.finalizers).toEqual(['tombolo.io/virtual-node']);
    expect(granted()).toMatchObject({ status: 'Unknown', reason: 'WaitingForProvider' });
  });

  test('the answer is copied, with what is missing, and an unchanged one costs nothing', async () => {
    await run();
    answer({ granted: { cpu: 2 }, missing: ['gpu'], used: { cpu: 1 } }, { cordoned: true });
    await run();
    expect(virtualNode()?.status).toMatchObject({ granted: { cpu: 2 }, used: { cpu: 1 }, cordoned: true });
    expect(granted()?.message).toBe('peer rome grants cpu 2; no node there has gpu');
    const writes = home.writes.length;
    await run();
    await run();
    expect(home.writes.length).toBe(writes);
    expect(rome.writes).toEqual(['create Grant rome']);
  });

  test('NODE-31 another amount is asked for without touching what the provider owns', async () => {
    await run();
    answer({ granted: { cpu: 4 } }, { cordoned: true });
    home.put(VN, {
      metadata: { name: 'rome', finalizers: ['tombolo.io/virtual-node'] },
      spec: { peer: 'rome', resources: { cpu: '8' } },
    } as VirtualNode);
    await run();
    expect(rome.writes.at(-1)).toBe('patch Grant rome');
    expect(rome.bodies.at(-1)).toEqual([
      { op: 'add', path: '/spec/requested', value: expect.objectContaining({ cpu: '8', memory: '8Gi' }) },
    ]);
  });

  test('usage alone is copied at most every 5 s', async () => {
    await run();
    answer({ granted: { cpu: 4 }, used: { pods: 1 } });
    await run();
    const writes = home.writes.length;
    answer({ granted: { cpu: 4 }, used: { pods: 2 } });
    expect(await run()).toEqual({ requeueAfterMs: 5_000 });
    expect(home.writes.length).toBe(writes);
    await clock.advance(5_000);
    await run();
    expect(virtualNode()?.status?.used).toEqual({ pods: 2 });
  });

  test('the last amounts stay while the provider cannot be asked', async () => {
    await run();
    answer({ granted: { cpu: 4 } });
    await run();
    connection = undefined;
    await run();
    expect(virtualNode()?.status?.granted).toEqual({ cpu: 4 });
    expect(granted()?.status).toBe('True');
  });

  test('a provider that ends the peering is reported', async () => {
    await run();
    const condition = {
      type: 'Ending',
      status: 'True' as const,
      reason: 'Unpeer',
      message: 'ends',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    answer({ conditions: [condition] });
    expect(ended).toEqual(['rome']);
  });
});

describe('removing a virtual node', () => {
  const pod = (name: string, more: object = {}, owner?: string) => ({
    metadata: {
      name,
      namespace: 'shop',
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'apps/v1', kind: owner, name: 'x', uid: 'x', controller: true }] }),
    },
    spec: { nodeName: 'rome' },
    ...more,
  });
  const remove = () => {
    const current = virtualNode() as VirtualNode;
    home.put(VN, {
      ...current,
      metadata: { ...current.metadata, deletionTimestamp: clock.wall().toISOString() },
    } as VirtualNode);
  };

  beforeEach(() => {
    home.put(NODE, { metadata: { name: 'rome' }, spec: { providerID: 'tombolo://rome/rome' } } as never);
    rome.put(GRANT, { metadata: { name: 'rome', namespace: 'tombolo-tenant-milan' }, spec: {} } as Grant);
    remove();
  });

  test('NODE-24 cordon, evictions, then Node, grant and finalizer; DaemonSet and finished pods do not block', async () => {
    home.put(POD, pod('web'));
    home.put(POD, pod('agent', {}, 'DaemonSet'));
    home.put(POD, pod('job', { status: { phase: 'Succeeded' } }));
    await run();
    expect(home.writes.slice(0, 2)).toEqual(['patch Node rome', 'eviction of Pod web']);
    expect(draining()).toMatchObject({ reason: 'Evicting', message: '1 pod left' });
    home.remove(POD, { name: 'web', namespace: 'shop' });
    await run();
    expect(home.get(NODE, { name: 'rome' })).toBeUndefined();
    await run();
    expect(home.writes).toContain('delete Pod agent');
    expect(home.writes).toContain('delete Pod job');
    expect(rome.writes).toEqual(['delete Grant rome']);
    expect(virtualNode()?.metadata.finalizers).toEqual([]);
  });

  test('NODE-24 NODE-25 a PodDisruptionBudget that blocks is named, and nothing is forced past the deadline', async () => {
    home.put(POD, pod('web'));
    const details = {
      causes: [
        {
          reason: 'DisruptionBudget',
          message: 'The disruption budget web-pdb needs 1 healthy pods and has 1 currently',
        },
      ],
    };
    const blocked = () => refused('TooManyRequests', 'Cannot evict pod', { details });
    home.failNext('eviction of Pod web', blocked());
    await run();
    expect(draining()).toMatchObject({
      status: 'True',
      reason: 'Blocked',
      message: '1 pod left; PodDisruptionBudget shop/web-pdb blocks 1',
    });
    await clock.advance(300_000);
    home.failNext('eviction of Pod web', blocked());
    await run();
    expect(draining()).toMatchObject({ reason: 'DeadlinePassed' });
    expect(draining()?.message).toContain('past the deadline of 300 s, nothing is forced');
    expect(home.writes.some((line) => line.startsWith('delete Pod'))).toBe(false);
    await run();
    expect(home.writes.at(-2)).toBe('eviction of Pod web');
  });

  test('NODE-26 waits while the peer is away and says so, and ends by force', async () => {
    connection = undefined;
    home.put(POD, pod('web', { metadata: { name: 'web', namespace: 'shop', deletionTimestamp: 'x' } }));
    await run();
    expect(draining()).toMatchObject({ reason: 'ProviderUnreachable' });
    expect(draining()?.message).toContain('waits for peer rome (not connected), or `tombolo unpeer rome --force`');
    isAbandoned = true;
    await run();
    expect(home.writes).toContain('delete Pod web');
    await run();
    expect(virtualNode()?.metadata.finalizers).toEqual([]);
    expect(home.get(NODE, { name: 'rome' })).toBeUndefined();
  });

  test("NODE-05 NODE-08 somebody else's Node of that name is not touched", async () => {
    home.put(NODE, { metadata: { name: 'rome' }, spec: { providerID: 'aws://i-1' } } as never);
    await run();
    expect(home.get(NODE, { name: 'rome' })).toBeDefined();
    expect(home.writes).not.toContain('patch Node rome');
    expect(virtualNode()?.metadata.finalizers).toEqual([]);
  });

  test('a Node that came back in the last moment is swept', async () => {
    home.remove(VN, { name: 'rome' });
    await run();
    expect(home.get(NODE, { name: 'rome' })).toBeUndefined();
  });
});
