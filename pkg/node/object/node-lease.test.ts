import { expect, test } from 'vitest';
import { LEASE, type Lease, type Node } from '#pkg/kube';
import { fakeClock, silentLog } from '#pkg/runtime';
import { refused, testClient } from '../test-client.ts';
import { keepNodeLease, NODE_LEASE_NAMESPACE } from './node-lease.ts';

test('the lease is made for the Node, renewed every 10 s, and follows a Node that was made anew', async () => {
  const api = testClient();
  const clock = fakeClock();
  const stop = new AbortController();
  let node: Node | undefined;
  const lease = () => api.get<Lease>(LEASE, { name: 'rome', namespace: NODE_LEASE_NAMESPACE });
  const running = keepNodeLease(
    { client: api.client, node: () => node, nodeName: 'rome', clock, log: silentLog },
    stop.signal,
  );
  await clock.advance(5_000);
  expect(api.writes).toEqual([]);

  node = { metadata: { name: 'rome', uid: 'first' } };
  await clock.advance(500);
  expect(lease()).toMatchObject({
    metadata: { ownerReferences: [{ kind: 'Node', name: 'rome', uid: 'first' }] },
    spec: { holderIdentity: 'rome', leaseDurationSeconds: 40, renewTime: '2026-01-01T00:00:05.500000Z' },
  });
  await clock.advance(30_000);
  expect(api.writes).toEqual(['create Lease rome', 'patch Lease rome', 'patch Lease rome', 'patch Lease rome']);

  node = { metadata: { name: 'rome', uid: 'second' } };
  await clock.advance(10_000);
  expect(lease()?.metadata.ownerReferences?.[0]?.uid).toBe('second');

  api.failNext('patch Lease', refused('Unreachable', 'no route'));
  const before = api.writes.length;
  await clock.advance(13_000);
  expect(api.writes.length).toBeGreaterThan(before);
  stop.abort();
  await running;
});
