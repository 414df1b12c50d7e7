import { expect, test, vi } from 'vitest';
import { fakeClock } from '#pkg/runtime';
import { type Answerer, byteServer } from './byte-server.ts';
import { connectCluster } from './cluster.ts';
import { eventRecorder } from './event-recorder.ts';

const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', uid: 'u1', resourceVersion: '5' },
};

async function recording(answer: Answerer = (request, reply) => reply.json(201, request.body)) {
  const server = await byteServer(answer);
  const cluster = connectCluster({ name: 'home', server: server.url, auth: {} });
  const clock = fakeClock();
  const recorder = eventRecorder(cluster.client, { component: 'tombolo-kubelet', host: 'pod-1', clock });
  const abort = new AbortController();
  const ended = recorder.run(abort.signal);
  return {
    ...recorder,
    clock,
    requests: server.requests,
    bodies: () => server.requests.map((request) => JSON.parse(request.body) as Record<string, unknown>),
    async [Symbol.asyncDispose]() {
      abort.abort();
      await ended;
      await cluster[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test('an event is what kubectl describe shows', async () => {
  await using bed = await recording();
  bed.event(POD, 'Warning', 'FailedReflection', 'the name is taken');
  await vi.waitUntil(() => bed.requests.length === 1);
  expect(bed.requests[0]).toMatchObject({ method: 'POST', path: '/api/v1/namespaces/shop/events' });
  expect(bed.bodies()[0]).toEqual({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: expect.stringMatching(/^web\.[0-9a-f]{16}$/), namespace: 'shop' },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', name: 'web', namespace: 'shop', uid: 'u1', resourceVersion: '5' },
    type: 'Warning',
    reason: 'FailedReflection',
    message: 'the name is taken',
    source: { component: 'tombolo-kubelet', host: 'pod-1' },
    reportingComponent: 'tombolo-kubelet',
    reportingInstance: 'pod-1',
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:00:00Z',
    count: 1,
  });
});

test('the same event again raises its count, at most once a second', async () => {
  await using bed = await recording();
  bed.event(POD, 'Warning', 'Reason', 'text');
  await vi.waitUntil(() => bed.requests.length === 1);
  for (let i = 0; i < 50; i++) bed.event(POD, 'Warning', 'Reason', 'text');
  await bed.clock.advance(900);
  expect(bed.requests.length).toBe(1);
  await bed.clock.advance(100);
  await vi.waitUntil(() => bed.requests.length === 2);
  const written = (bed.bodies()[0] as { metadata: { name: string } }).metadata.name;
  expect(bed.requests[1]).toMatchObject({ method: 'PATCH', path: '/api/v1/namespaces/shop/events/' + String(written) });
  expect(bed.bodies()[1]).toMatchObject({ count: 51 });
});

test('one object does not hold up another', async () => {
  await using bed = await recording();
  bed.event(POD, 'Normal', 'A', 'text');
  bed.event(POD, 'Normal', 'B', 'text');
  bed.event({ ...POD, metadata: { name: 'node', uid: 'u2' } }, 'Normal', 'C', 'text');
  await vi.waitUntil(() => bed.requests.length === 2);
  expect(bed.bodies().map((body) => body['reason'])).toEqual(['A', 'C']);
  expect(bed.requests[1]?.path).toBe('/api/v1/namespaces/default/events'); // of objects without a namespace
  await bed.clock.advance(1_000);
  await vi.waitUntil(() => bed.requests.length === 3);
});

test('one that has expired at the server is written anew', async () => {
  await using bed = await recording((request, reply) =>
    request.method === 'PATCH' ? reply.status(404, 'NotFound', 'gone') : reply.json(201, request.body),
  );
  bed.event(POD, 'Normal', 'A', 'text');
  await vi.waitUntil(() => bed.requests.length === 1);
  bed.event(POD, 'Normal', 'A', 'text');
  await bed.clock.advance(1_000);
  await vi.waitUntil(() => bed.requests.length === 3);
  expect(bed.requests.map((request) => request.method)).toEqual(['POST', 'PATCH', 'POST']);
});

test('a server that fails is asked three times, a forbidden one once', async () => {
  await using bed = await recording((request, reply) =>
    request.path.includes('/shop/') ? reply.status(500, 'InternalError', 'etcd') : reply.status(403, 'Forbidden', 'no'),
  );
  bed.event(POD, 'Normal', 'A', 'text');
  bed.event({ ...POD, metadata: { name: 'x', namespace: 'bank', uid: 'u2' } }, 'Normal', 'A', 'text');
  for (let i = 0; i < 20; i++) {
    await bed.clock.advance(1_000);
    await new Promise((resolve) => setTimeout(resolve, 5)); // lets the answer arrive
  }
  expect(bed.requests.filter((request) => request.path.includes('/shop/')).length).toBe(3);
  expect(bed.requests.filter((request) => request.path.includes('/bank/')).length).toBe(1);
});

test('a flood is bounded and long texts are cut', async () => {
  await using server = await byteServer(() => {});
  await using cluster = connectCluster({ name: 'home', server: server.url, auth: {} });
  const recorder = eventRecorder(cluster.client, { component: 'c', clock: fakeClock() });
  const long = 'x'.repeat(100_000);
  for (let i = 0; i < 5_000; i++) recorder.event(POD, 'Normal', `R${i}`, long);
  const abort = new AbortController();
  const ended = recorder.run(abort.signal);
  await vi.waitUntil(() => server.requests.length === 1);
  const body = JSON.parse(server.requests[0]?.body ?? '') as { reason: string; message: string };
  expect([body.reason, body.message.length]).toEqual(['R4000', 1_024]); // the oldest 4,000 were dropped
  abort.abort();
  await ended;
});
