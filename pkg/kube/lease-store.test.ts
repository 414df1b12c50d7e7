import { expect, test } from 'vitest';
import { type Answerer, byteServer } from './byte-server.ts';
import { connectCluster } from './cluster.ts';
import { kubeLeaseStore } from './lease-store.ts';

const { signal } = new AbortController();
const RECORD = {
  holder: 'pod-uid',
  durationMs: 1_500,
  acquiredAt: new Date('2026-01-02T03:04:05.678Z'),
  renewedAt: new Date('2026-01-02T03:04:06Z'),
  transitions: 3,
};

async function store(answer: Answerer) {
  const server = await byteServer(answer);
  const cluster = connectCluster({ name: 'home', server: server.url, auth: {} });
  return {
    server,
    store: kubeLeaseStore(cluster.client, {
      namespace: 'tombolo-system',
      name: 'kubelet',
      labels: { part: 'kubelet' },
    }),
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test('a lease is created with times of exactly six fractional digits', async () => {
  await using bed = await store((request, reply) =>
    reply.json(201, { ...JSON.parse(request.body), metadata: { name: 'kubelet', resourceVersion: '5' } }),
  );
  expect(await bed.store.write(RECORD, undefined, signal)).toEqual({ version: '5' });
  expect(bed.server.requests[0]?.method).toBe('POST');
  expect(JSON.parse(bed.server.requests[0]?.body ?? '')).toEqual({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'kubelet', namespace: 'tombolo-system', labels: { part: 'kubelet' } },
    spec: {
      holderIdentity: 'pod-uid',
      leaseDurationSeconds: 2,
      acquireTime: '2026-01-02T03:04:05.678000Z',
      renewTime: '2026-01-02T03:04:06.000000Z',
      leaseTransitions: 3,
    },
  });
});

test('a renewal keeps what others put on the lease and is bound to the version that was read', async () => {
  const stored = {
    metadata: {
      name: 'kubelet',
      namespace: 'tombolo-system',
      uid: 'u',
      resourceVersion: '7',
      annotations: { by: 'admin' },
    },
    spec: { holderIdentity: 'other', leaseDurationSeconds: 15, renewTime: '2026-01-02T03:04:05.678901Z' },
  };
  await using bed = await store((request, reply) =>
    request.method === 'GET'
      ? reply.json(200, stored)
      : reply.json(200, { metadata: { name: 'kubelet', resourceVersion: '8' } }),
  );
  const read = await bed.store.read(signal);
  expect(read?.version).toBe('7');
  expect(read?.record).toMatchObject({ holder: 'other', durationMs: 15_000, transitions: 0 });
  expect(await bed.store.write(RECORD, '7', signal)).toEqual({ version: '8' });
  expect(bed.server.requests[1]).toMatchObject({ method: 'PUT' });
  expect(JSON.parse(bed.server.requests[1]?.body ?? '').metadata).toEqual({
    ...stored.metadata,
    labels: { part: 'kubelet' },
  });
});

test('somebody who was faster is a conflict, a broken server is an error, no lease is nothing', async () => {
  let answer: Answerer = (_, reply) => reply.status(409, 'Conflict', 'changed');
  await using bed = await store((request, reply, number) => answer(request, reply, number));
  expect(await bed.store.write(RECORD, '7', signal)).toBe('conflict');
  answer = (_, reply) => reply.status(409, 'AlreadyExists', 'exists');
  expect(await bed.store.write(RECORD, undefined, signal)).toBe('conflict');
  answer = (_, reply) => reply.status(404, 'NotFound', 'gone');
  expect(await bed.store.write(RECORD, '7', signal)).toBe('conflict');
  expect(await bed.store.read(signal)).toBeUndefined();
  await expect(bed.store.write(RECORD, undefined, signal)).rejects.toThrow('gone'); // no such namespace
  answer = (_, reply) => reply.status(500, 'InternalError', 'etcd');
  await expect(bed.store.read(signal)).rejects.toThrow('etcd');
});
