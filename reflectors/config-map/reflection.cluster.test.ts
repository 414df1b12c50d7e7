/** ConfigMaps and Secrets between the two clusters of the bare test bed, with the framework in this process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Cluster,
  CONFIG_MAP,
  type ConfigMap,
  connectCluster,
  EVENT,
  eventRecorder,
  isNotFound,
  loadKubeconfig,
  NAMESPACE,
  SECRET,
} from '#pkg/kube';
import { silentLog } from '#pkg/runtime';
import { defineReflector, pick, runReflectors, type TwinTable } from '#reflectors/framework';
import { until } from '../../tests/until.ts';
import { configMapReflector } from './index.ts';

const BED = process.env['TOMBOLO_TESTBED'] ?? new URL('../../.testbed', import.meta.url).pathname;
const suffix = Math.random().toString(36).slice(2, 7);
const namespace = `reflect-${suffix}`;
const twin = `${namespace}-milan`;
/** The Secret reflector's shape; a folder of a kind imports no other kind. */
const secrets = defineReflector({ resource: SECRET, toTwin: (local) => ({ fields: pick(local, 'data', 'type') }) });

let home: Cluster;
let provider: Cluster;
let somebody: Cluster;
let run: { stop: AbortController; ended: Promise<void> };

const twins: TwinTable = {
  twinOf: (ns) => (ns === namespace ? { namespace: twin, state: 'Accepted', reason: '', message: '' } : undefined),
  homeOf: (ns) => (ns === twin ? namespace : undefined),
  list: () => [{ home: namespace, twin: { namespace: twin, state: 'Accepted', reason: '', message: '' } }],
  on: () => ({ [Symbol.dispose]() {} }),
};

function start(): typeof run {
  const stop = new AbortController();
  const events = eventRecorder(home.client, { component: 'reflect-bed' });
  const reflecting = runReflectors(
    {
      home,
      remote: { peer: 'rome', origin: 'milan', cluster: provider },
      twins,
      reflectors: [configMapReflector, secrets],
      policies: { list: () => [], on: () => ({ [Symbol.dispose]() {} }) },
      events,
      log: silentLog,
    },
    stop.signal,
  );
  return { stop, ended: Promise.all([reflecting, events.run(stop.signal)]).then(() => {}) };
}

async function restart(between: () => Promise<unknown>): Promise<void> {
  run.stop.abort(new Error('killed'));
  await run.ended;
  await between();
  run = start();
}

async function there(name: string): Promise<ConfigMap | undefined> {
  try {
    return await provider.client.get(CONFIG_MAP, { namespace: twin, name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const make = (name: string, data: Record<string, string>, more: object = {}) =>
  home.client.create(CONFIG_MAP, { metadata: { name, namespace }, data, ...more });
const change = (cluster: Cluster, ns: string, name: string, body: object) =>
  cluster.client.patch(CONFIG_MAP, { namespace: ns, name }, body, { type: 'merge' });
const remove = (cluster: Cluster, ns: string, name: string) =>
  cluster.client.delete(CONFIG_MAP, { namespace: ns, name });

beforeAll(async () => {
  const connect = async (name: string, userAgent = 'tombolo') =>
    connectCluster({ ...(await loadKubeconfig(`${BED}/${name}/kubeconfig`)), name, userAgent });
  home = await connect('milan');
  provider = await connect('rome');
  // Another manager of fields, as somebody with kubectl is.
  somebody = await connect('rome', 'somebody');
  await home.client.create(NAMESPACE, { metadata: { name: namespace } });
  await provider.client.create(NAMESPACE, { metadata: { name: twin } });
  run = start();
});

afterAll(async () => {
  run.stop.abort(new Error('over'));
  await run.ended;
  await home.client.delete(NAMESPACE, { name: namespace });
  await provider.client.delete(NAMESPACE, { name: twin });
  await home[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
  await somebody[Symbol.asyncDispose]();
});

test('REF-25 REF-34 made, changed, a key dropped, deleted: the twin follows', async () => {
  await make('settings', { a: '1', b: '2' });
  await until('copied', async () => (await there('settings'))?.data?.['a'] === '1');
  await change(home, namespace, 'settings', { data: { a: '3', b: null } });
  await until('changed, and the key is gone', async () => {
    const data = (await there('settings'))?.data;
    return data?.['a'] === '3' && !('b' in data);
  });
  await remove(home, namespace, 'settings');
  await until('deleted', async () => (await there('settings')) === undefined);
});

test('REF-27 edits and deletions by hand are repaired; what others added stays', async () => {
  await make('edited', { a: '1', b: '2' });
  await until('copied', async () => (await there('edited')) !== undefined);
  const metadata = { labels: { theirs: 'x' }, annotations: { theirs: 'y' } };
  await change(somebody, twin, 'edited', { metadata, data: { a: 'wrong', b: null, theirs: 'z' } });
  await until('repaired', async () => {
    const data = (await there('edited'))?.data;
    return data?.['a'] === '1' && data['b'] === '2';
  });
  const repaired = await there('edited');
  expect(repaired?.metadata.labels).toMatchObject({ theirs: 'x', 'tombolo.io/origin': 'milan' });
  expect(repaired?.data?.['theirs']).toBe('z');
  await remove(somebody, twin, 'edited');
  await until('back', async () => (await there('edited'))?.data?.['a'] === '1');
});

test('REF-26 an object of somebody else stays, is named, and is replaced by the copy when it is gone', async () => {
  await somebody.client.create(CONFIG_MAP, { metadata: { name: 'taken', namespace: twin }, data: { theirs: '1' } });
  await make('taken', { ours: '1' });
  await until('the event', async () => {
    const { items } = await home.client.list(EVENT, { namespace });
    return items.some((event) => event.reason === 'FailedReflection' && (event.message ?? '').includes('rome'));
  });
  expect((await there('taken'))?.data).toEqual({ theirs: '1' });
  await remove(somebody, twin, 'taken');
  await until('copied', async () => (await there('taken'))?.data?.['ours'] === '1');
});

test('REF-28 REF-29 what was deleted, or made anew with immutable data, while we were away', async () => {
  await make('gone', { a: '1' });
  await make('fixed', { a: '1' }, { immutable: true });
  await until('copied', async () => (await there('gone')) !== undefined && (await there('fixed')) !== undefined);
  await restart(async () => {
    await remove(home, namespace, 'gone');
    await remove(home, namespace, 'fixed');
    await make('fixed', { a: '2' }, { immutable: true });
  });
  await until('the left-over is gone', async () => (await there('gone')) === undefined);
  await until('replaced', async () => (await there('fixed'))?.data?.['a'] === '2');
});

test('the CA of home stands beside the one of the provider, which is untouched', async () => {
  await until('copied', async () => (await there('tombolo-home-root-ca')) !== undefined);
  const ofHome = await home.client.get(CONFIG_MAP, { namespace, name: 'kube-root-ca.crt' });
  expect((await there('tombolo-home-root-ca'))?.data).toEqual(ofHome.data);
  expect((await there('kube-root-ca.crt'))?.metadata.labels ?? {}).not.toHaveProperty('tombolo.io/origin');
});

test('nothing is written at rest, nor by a restart', async () => {
  await sleep(2_000);
  const versions = async () =>
    (await provider.client.list(CONFIG_MAP, { namespace: twin })).items.map(({ metadata }) => metadata.resourceVersion);
  const before = await versions();
  await restart(async () => {});
  await sleep(5_000);
  expect(await versions()).toEqual(before);
});

test('a Secret keeps its type', async () => {
  const data = { 'tls.crt': 'YQ==', 'tls.key': 'Yg==' };
  await home.client.create(SECRET, { metadata: { name: 'tls', namespace }, type: 'kubernetes.io/tls', data });
  await until('copied', async () => {
    const { items } = await provider.client.list(SECRET, { namespace: twin });
    return items.some(({ metadata, type }) => metadata.name === 'tls' && type === 'kubernetes.io/tls');
  });
});
