import { beforeEach, describe, expect, test } from 'vitest';
import { NODE, type Node } from '#pkg/kube';
import { type FakeClock, fakeClock, type Reconciler, silentLog } from '#pkg/runtime';
import { type TestClient, testClient } from '../test-client.ts';
import { type DesiredNode, desiredNode } from './desired-node.ts';
import { nodeKeeper } from './node-keeper.ts';

let api: TestClient;
let clock: FakeClock;
let keeper: Reconciler;
let desired: DesiredNode | undefined;
let isWanted: boolean;
const signal = new AbortController().signal;
const run = () => keeper.reconcile('rome', signal);

function want(ok = true): DesiredNode {
  return desiredNode({
    name: 'rome',
    peer: 'rome',
    spec: { peer: 'rome' },
    status: { granted: { cpu: '4' } },
    addresses: ['10.244.0.7'],
    kubeletPort: 10260,
    version: '0.1.0',
    providerVersion: 'v1.35.4',
    ready: { ok, reason: ok ? 'ProviderReady' : 'ProviderUnreachable', message: 'said' },
    network: { ok: true, reason: 'NotChecked', message: 'none' },
  });
}

beforeEach(() => {
  api = testClient();
  clock = fakeClock();
  desired = want();
  isWanted = true;
  keeper = nodeKeeper({
    client: api.client,
    nodes: api.informer<Node>(NODE),
    desired: () => desired,
    mayCreate: async () => isWanted,
    peer: 'rome',
    clock,
    log: silentLog,
  });
});

describe('nodeKeeper', () => {
  test('creates the Node once and then writes nothing', async () => {
    await run();
    await run();
    expect(api.writes).toEqual(['create Node rome']);
    expect(api.get(NODE, { name: 'rome' })?.spec?.providerID).toBe('tombolo://rome/rome');
  });

  test('writes a change of readiness at once, and nothing else', async () => {
    await run();
    desired = want(false);
    await run();
    expect(api.writes).toEqual(['create Node rome', 'patch Node rome/status']);
  });

  test('NODE-06 a Node that somebody deletes comes back, also a second time, at most every 10 s', async () => {
    await run();
    await clock.advance(20_000);
    api.remove(NODE, { name: 'rome' });
    await run();
    api.remove(NODE, { name: 'rome' });
    expect(await run()).toEqual({ requeueAfterMs: 10_000 });
    await clock.advance(10_000);
    await run();
    expect(api.writes).toEqual(['create Node rome', 'create Node rome', 'create Node rome']);
  });

  test('does not bring a Node back that is being removed', async () => {
    isWanted = false;
    await run();
    expect(api.writes).toEqual([]);
  });

  test('NODE-07 somebody who undoes our writes costs one write in 10 s', async () => {
    await run();
    for (let second = 1; second <= 30; second++) {
      const node = api.get<Node>(NODE, { name: 'rome' });
      api.put(NODE, { ...node, metadata: { name: 'rome', labels: {} } });
      await run();
      await clock.advance(1_000);
    }
    expect(api.writes.filter((line) => line === 'patch Node rome').length).toBeLessThanOrEqual(3);
  });

  test('NODE-08 a Node of somebody else is never written, whatever it is called', async () => {
    api.put(NODE, { metadata: { name: 'rome' } });
    await run();
    desired = want(false);
    await run();
    expect(api.writes).toEqual([]);
  });

  test('says nothing while there is nothing to say', async () => {
    desired = undefined;
    await run();
    expect(api.writes).toEqual([]);
  });
});
