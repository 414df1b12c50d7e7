/** Reading and writing against a real API server. */
import { describe, expect } from 'vitest';
import {
  CONFIG_MAP,
  type Cluster,
  connectCluster,
  defineResource,
  EVENT,
  eventRecorder,
  KubeError,
  kubeLeaseStore,
  POD,
  SERVICE_ACCOUNT,
} from '#pkg/kube';
import { until } from '../until.ts';
import { test, whyNot } from './fixtures.ts';
import { configMap, valuesOf, watchConfigMaps } from './watched.ts';

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof KubeError ? error.code : String(error)),
  );
}

describe.skipIf(whyNot !== '')(`the client${whyNot}`, () => {
  test('creates, reads, changes and deletes, and each refusal has its name', async ({
    cluster: { client },
    namespace,
  }) => {
    const ref = { namespace, name: 'a' };
    const made = await client.create(CONFIG_MAP, configMap(namespace, 'a', '1'));
    expect(made).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { value: '1' } });
    expect(await codeOf(client.create(CONFIG_MAP, configMap(namespace, 'a', '2')))).toBe('AlreadyExists');

    const changed = await client.replace(CONFIG_MAP, { ...made, data: { value: '2' } });
    expect(changed.data).toEqual({ value: '2' });
    expect(await codeOf(client.replace(CONFIG_MAP, { ...made, data: {} }))).toBe('Conflict');

    const stale = [{ op: 'test', path: '/data/value', value: '1' }];
    expect(await codeOf(client.patch(CONFIG_MAP, ref, stale, { type: 'json' }))).toBe('Invalid');
    expect((await client.patch(CONFIG_MAP, ref, { data: { more: 'x' } }, { type: 'merge' })).data).toEqual({
      value: '2',
      more: 'x',
    });

    expect(await codeOf(client.create(CONFIG_MAP, configMap(namespace, 'Not A Name', '')))).toBe('Invalid');
    expect(await codeOf(client.create(CONFIG_MAP, configMap('no-such-namespace', 'a', '')))).toBe('NotFound');
    expect(await codeOf(client.delete(CONFIG_MAP, ref, { uid: 'another' }))).toBe('Conflict');
    expect((await client.get(CONFIG_MAP, ref)).metadata.uid).toBe(made.metadata.uid);
    await client.delete(CONFIG_MAP, ref, { uid: String(made.metadata.uid), propagationPolicy: 'Background' });
    expect(await codeOf(client.get(CONFIG_MAP, ref))).toBe('NotFound');
    expect(await codeOf(client.delete(CONFIG_MAP, ref))).toBe('NotFound');
  });

  test('apply owns what it sends, conflicts with others, takes by force and gives up by leaving out', async ({
    cluster: { client },
    namespace,
  }) => {
    const object = (data: Record<string, string>) => ({ metadata: { namespace, name: 'applied' }, data });
    await client.apply(CONFIG_MAP, object({ ours: '1', both: '1' }), { fieldManager: 'us' });
    await client.apply(CONFIG_MAP, object({ theirs: '1' }), { fieldManager: 'them' });
    expect(await codeOf(client.apply(CONFIG_MAP, object({ both: '2' }), { fieldManager: 'them' }))).toBe('Conflict');
    await client.apply(CONFIG_MAP, object({ theirs: '1', both: '2' }), { fieldManager: 'them', force: true });
    const left = await client.apply(CONFIG_MAP, object({}), { fieldManager: 'us' });
    expect(left.data).toEqual({ theirs: '1', both: '2' });
    const gone = { metadata: { namespace, name: 'never-made', uid: 'some-uid' } };
    expect(await codeOf(client.apply(CONFIG_MAP, gone, { fieldManager: 'us' }))).toBe('Conflict');
  });

  test('lists all pages of one snapshot, packed and unpacked', async ({ cluster, config, namespace }) => {
    const names = Array.from({ length: 1_200 }, (_, i) => `cm-${String(i).padStart(4, '0')}`);
    await Promise.all(
      names.map((name) => cluster.client.create(CONFIG_MAP, configMap(namespace, name, 'x'.repeat(300)))),
    );
    const query = { namespace, labelSelector: 'kube-test' };
    const list = await cluster.client.list(CONFIG_MAP, query);
    expect(list.items.map((item) => item.metadata.name)).toEqual(names);
    await using packed = connectCluster({ ...config, compression: true });
    const again = await packed.client.list(CONFIG_MAP, query);
    expect(valuesOf(again.items)).toEqual(valuesOf(list.items));
    expect((await cluster.client.list(CONFIG_MAP, { ...query, limit: 7 })).items.length).toBe(7);

    await using watched = await watchConfigMaps(cluster, namespace);
    expect(watched.informer.size).toBe(names.length);
    await cluster.client.deleteCollection(CONFIG_MAP, query);
    await until('all deletions have arrived', () => watched.informer.size === 0, 60_000);
    expect(watched.told()).toEqual({});
    expect(watched.errors).toEqual([]);
  });

  test('metadata only is metadata only', async ({ cluster, namespace }) => {
    await cluster.client.create(CONFIG_MAP, configMap(namespace, 'a', 'secret'));
    const informer = cluster.informer(CONFIG_MAP, { namespace, metadataOnly: true, labelSelector: 'kube-test' });
    const abort = new AbortController();
    const ended = informer.run(abort.signal);
    await informer.synced;
    const object = informer.get(`${namespace}/a`);
    expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { labels: { 'kube-test': 'yes' } } });
    expect(object?.data).toBeUndefined();
    abort.abort();
    await ended;
  });

  test('a resource that does not exist is told as not found', async ({ cluster }) => {
    const informer = cluster.informer(
      defineResource({ group: 'nobody.example', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }),
    );
    const codes: string[] = [];
    informer.onError((error) => codes.push(error instanceof KubeError ? error.code : String(error)));
    const abort = new AbortController();
    const ended = informer.run(abort.signal);
    await until('it has been told', () => codes.length > 0, 60_000);
    expect(codes[0]).toBe('NotFound');
    abort.abort();
    await ended;
  });

  test('logs stream and a raw connection answers', async ({ cluster }) => {
    const abort = new AbortController();
    const { items } = await cluster.client.list(POD, {
      namespace: 'kube-system',
      fieldSelector: 'status.phase=Running',
    });
    const [pod] = items;
    const { status, body } = await cluster.client.stream(
      `/api/v1/namespaces/kube-system/pods/${pod?.metadata.name}/log`,
      {
        query: { tailLines: 1 },
        signal: abort.signal,
      },
    );
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk as Buffer);
    expect([status, Buffer.concat(chunks).length > 0]).toEqual([200, true]);

    const { socket, headers, host } = await cluster.client.connect(abort.signal);
    const lines = Object.entries({ host, connection: 'close', ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    socket.write(`GET /version HTTP/1.1\r\n${lines.join('')}\r\n`);
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(/^HTTP\/1.1 200[\s\S]*"gitVersion"/);
  });
});

describe.skipIf(whyNot !== '')(`tokens${whyNot}`, () => {
  test('a new token takes the place of one that is refused', async ({ cluster, config, namespace }) => {
    const account = async (name: string) => {
      await cluster.client.create(SERVICE_ACCOUNT, { metadata: { namespace, name } });
      return mint(cluster, namespace, name);
    };
    const [first, second] = [await account('first'), await account('second')];
    const { clientCert: _, ...auth } = { ...config.auth, token: first };
    await using tenant = connectCluster({ ...config, auth });
    const self = () =>
      tenant.client.create(
        defineResource({
          group: 'authentication.k8s.io',
          version: 'v1',
          plural: 'selfsubjectreviews',
          kind: 'SelfSubjectReview',
          namespaced: false,
        }),
        { metadata: { name: '' } },
      );
    expect(await self()).toMatchObject({
      status: { userInfo: { username: `system:serviceaccount:${namespace}:first` } },
    });
    await cluster.client.delete(SERVICE_ACCOUNT, { namespace, name: 'first' });
    await until('the token is refused', async () => (await codeOf(self())) === 'Unauthorized', 30_000);
    tenant.setToken(second);
    expect(await self()).toMatchObject({
      status: { userInfo: { username: `system:serviceaccount:${namespace}:second` } },
    });
  });

  async function mint(cluster: Cluster, namespace: string, name: string): Promise<string> {
    const review = await cluster.client.subresource<{ status: { token: string } }>(
      SERVICE_ACCOUNT,
      { namespace, name },
      'token',
      {
        spec: { expirationSeconds: 600 },
      },
    );
    return review.status.token;
  }
});

describe.skipIf(whyNot !== '')(`leases and events${whyNot}`, () => {
  test('of two that write the same version one wins', async ({ cluster, namespace }) => {
    const { signal } = new AbortController();
    const [one, two] = ['one', 'two'].map(() => kubeLeaseStore(cluster.client, { namespace, name: 'leader' }));
    const record = (holder: string) => {
      const now = new Date();
      return { holder, durationMs: 15_000, acquiredAt: now, renewedAt: now, transitions: 0 };
    };
    expect(await one?.read(signal)).toBeUndefined();
    const made = await one?.write(record('one'), undefined, signal);
    expect(await two?.write(record('two'), undefined, signal)).toBe('conflict');
    const seen = await two?.read(signal);
    expect(seen?.record.holder).toBe('one');
    expect(made).toEqual({ version: seen?.version });
    const taken = await two?.write(record('two'), seen?.version, signal);
    expect(taken).not.toBe('conflict');
    expect(await one?.write(record('one'), seen?.version, signal)).toBe('conflict');
  });

  test('an event that happens again is one event with a count', async ({ cluster, namespace }) => {
    const object = await cluster.client.create(CONFIG_MAP, configMap(namespace, 'a', '1'));
    const recorder = eventRecorder(cluster.client, { component: 'kube-test' });
    const abort = new AbortController();
    const ended = recorder.run(abort.signal);
    const say = () =>
      recorder.event({ ...object, apiVersion: 'v1', kind: 'ConfigMap' }, 'Warning', 'Tested', 'it is a test');
    say();
    const events = async () =>
      (await cluster.client.list(EVENT, { namespace })).items.filter((event) => event.reason === 'Tested');
    await until('the event is there', async () => (await events()).length === 1, 60_000);
    say();
    say();
    await until('it was counted', async () => (await events())[0]?.count === 3, 60_000);
    expect(await events()).toHaveLength(1);
    abort.abort();
    await ended;
  });
});
