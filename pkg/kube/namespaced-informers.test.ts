import { expect, test, vi } from 'vitest';
import { byteServer, type Reply } from './byte-server.ts';
import { connectCluster } from './cluster.ts';
import { namespacedInformers } from './namespaced-informers.ts';
import { SECRET } from './resources.ts';

test('watches open and close with the set, and what is no longer watched is reported as gone', async () => {
  const open = new Map<string, Reply>();
  await using server = await byteServer((request, reply) => {
    const namespace = request.path.split('/')[4] ?? '';
    open.set(namespace, reply);
    reply.socket.on('close', () => open.delete(namespace));
    reply.begin();
    reply.event('ADDED', { metadata: { name: 'key', namespace, uid: namespace, resourceVersion: '1' } });
    reply.initialEnd('7');
  });
  await using cluster = connectCluster({ name: 'home', server: server.url, auth: {} });
  const secrets = namespacedInformers(cluster, SECRET, {});
  const changes: string[] = [];
  const synced: string[] = [];
  secrets.on((old, current) => {
    const object = current ?? old;
    changes.push(`${current === undefined ? '-' : '+'}${object?.metadata.namespace}/${object?.metadata.name}`);
  });
  secrets.onSynced((namespace) => synced.push(namespace));

  secrets.setNamespaces(['shop']); // before the start
  const abort = new AbortController();
  const ended = secrets.run(abort.signal);
  secrets.setNamespaces(['shop', 'bank']);
  await vi.waitUntil(() => synced.length === 2);
  expect([...open.keys()].toSorted()).toEqual(['bank', 'shop']);
  expect(secrets.get('bank/key')?.metadata.uid).toBe('bank');
  expect(secrets.list('shop').length).toBe(1);
  expect(secrets.list().length).toBe(2);
  expect(secrets.isSynced('bank')).toBe(true);

  secrets.setNamespaces(['shop']);
  await vi.waitUntil(() => open.size === 1);
  expect(secrets.get('bank/key')).toBeUndefined();
  expect(secrets.isSynced('bank')).toBe(false);
  expect(changes.toSorted()).toEqual(['+bank/key', '+shop/key', '-bank/key']);

  secrets.setNamespaces(['shop', 'bank']); // and back again: read anew
  await vi.waitUntil(() => synced.length === 3);
  const late: string[] = [];
  secrets.on((_old, current, isInitial) => late.push(`${current?.metadata.namespace} ${isInitial}`));
  expect(late.toSorted()).toEqual(['bank true', 'shop true']);

  abort.abort();
  await ended;
  await vi.waitUntil(() => open.size === 0);
});

test('errors say in which namespace, and go on elsewhere', async () => {
  await using server = await byteServer((request, reply) => {
    if (request.path.includes('/forbidden/')) return reply.status(403, 'Forbidden', 'secrets is forbidden');
    reply.begin();
    reply.initialEnd('7');
  });
  await using cluster = connectCluster({ name: 'home', server: server.url, auth: {} });
  const secrets = namespacedInformers(cluster, SECRET);
  const errors: string[] = [];
  secrets.onError((error, namespace) => errors.push(`${namespace}: ${error instanceof Error ? error.name : ''}`));
  secrets.setNamespaces(['forbidden', 'shop']);
  const abort = new AbortController();
  const ended = secrets.run(abort.signal);
  await vi.waitUntil(() => secrets.isSynced('shop') && errors.length > 0);
  expect(errors).toEqual(['forbidden: KubeError']);
  abort.abort();
  await ended;
});

test('more namespaces than can be watched one by one are refused', async () => {
  await using cluster = connectCluster({ name: 'home', server: 'https://127.0.0.1:1', auth: {} });
  const names = Array.from({ length: 2_001 }, (_, i) => `n${i}`);
  expect(() => namespacedInformers(cluster, SECRET).setNamespaces(names)).toThrow(RangeError);
});
