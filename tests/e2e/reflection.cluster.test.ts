import { expect } from 'vitest';
import { type Json, throughout, until } from './bed.ts';
import { remotePod, script, sleeper, test } from './fixtures.ts';

const configMap = (name: string, data: object, extra: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
  ...extra,
});

test('REF-25 REF-34 objects made, changed and deleted at home are followed, data and binaryData equal', async ({
  shop,
  rome,
  milan,
}) => {
  await shop.create(
    { ...configMap('settings', { a: '1', __proto__x: 'y' }), binaryData: { b: 'AAEC' } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'key' },
      type: 'kubernetes.io/basic-auth',
      stringData: { username: 'u', password: 'p' },
    },
  );
  const twin = await until('ConfigMap there', () => rome.find(['-n', shop.twin, 'get', 'configmap', 'settings']));
  expect(twin['data']).toEqual({ a: '1', __proto__x: 'y' });
  expect(twin['binaryData']).toEqual({ b: 'AAEC' });
  const secret = await until('Secret there', () => rome.find(['-n', shop.twin, 'get', 'secret', 'key']));
  expect(secret['type']).toBe('kubernetes.io/basic-auth');
  expect(secret['data']).toEqual((await milan.json(['-n', shop.name, 'get', 'secret', 'key']))['data']);
  await milan.kubectl([
    '-n',
    shop.name,
    'patch',
    'configmap',
    'settings',
    '--type=merge',
    '-p',
    '{"data":{"a":null,"c":"3"}}',
  ]);
  await until('changed there', async () => {
    const data = (await rome.find(['-n', shop.twin, 'get', 'configmap', 'settings']))?.['data'];
    return data?.c === '3' && data.a === undefined;
  });
  await milan.kubectl(['-n', shop.name, 'delete', 'configmap', 'settings']);
  await until(
    'gone there',
    async () => (await rome.find(['-n', shop.twin, 'get', 'configmap', 'settings'])) === undefined,
  );
});

test('REF-26 an object of somebody else is untouched, said in an event, and copied when it is gone', async ({
  shop,
  rome,
  milan,
}) => {
  await rome.apply({ ...configMap('theirs', { owner: 'rome' }), metadata: { name: 'theirs', namespace: shop.twin } });
  await shop.create(configMap('theirs', { owner: 'milan' }));
  const event = await until('event', async () =>
    (await milan.json(['-n', shop.name, 'get', 'events']))['items'].find(
      (item: Json) => item['reason'] === 'FailedReflection' && item['involvedObject'].name === 'theirs',
    ),
  );
  expect(event.message).toContain('rome');
  expect((await rome.json(['-n', shop.twin, 'get', 'configmap', 'theirs']))['data']).toEqual({ owner: 'rome' });
  await rome.kubectl(['-n', shop.twin, 'delete', 'configmap', 'theirs']);
  await until(
    'copied',
    async () => (await rome.find(['-n', shop.twin, 'get', 'configmap', 'theirs']))?.['data'].owner === 'milan',
    45_000,
  );
});

test('REF-27 our fields are repaired, what others add stays', async ({ shop, rome }) => {
  await shop.create(configMap('drift', { a: '1' }));
  await until('there', () => rome.find(['-n', shop.twin, 'get', 'configmap', 'drift']));
  await rome.kubectl(['-n', shop.twin, 'label', 'configmap', 'drift', 'theirs=stays']);
  await rome.kubectl(['-n', shop.twin, 'patch', 'configmap', 'drift', '--type=merge', '-p', '{"data":{"a":"edited"}}']);
  const twin = await until('repaired', async () => {
    const now = await rome.json(['-n', shop.twin, 'get', 'configmap', 'drift']);
    return now['data'].a === '1' && now;
  });
  expect(twin['metadata'].labels.theirs).toBe('stays');
  await rome.kubectl(['-n', shop.twin, 'delete', 'configmap', 'drift']);
  await until('back', () => rome.find(['-n', shop.twin, 'get', 'configmap', 'drift']));
});

test('REF-28 what changed while the link was down is that of now after the return', async ({
  shop,
  rome,
  milan,
  bed,
}) => {
  await shop.create(configMap('old', { a: '1' }), configMap('again', { a: '1' }));
  await until(
    'there',
    async () =>
      (await rome.find(['-n', shop.twin, 'get', 'configmap', 'old'])) &&
      (await rome.find(['-n', shop.twin, 'get', 'configmap', 'again'])),
  );
  await bed.control(['stop', 'rome', 'apiserver', '--kill']);
  try {
    await milan.kubectl(['-n', shop.name, 'delete', 'configmap', 'old', 'again']);
    await shop.create(configMap('again', { a: '2' }));
  } finally {
    await bed.control(['start', 'rome', 'apiserver']);
  }
  await until(
    'cleaned',
    async () =>
      (await rome.find(['-n', shop.twin, 'get', 'configmap', 'old'])) === undefined &&
      (await rome.find(['-n', shop.twin, 'get', 'configmap', 'again']))?.['data'].a === '2',
    60_000,
  );
});

test('REF-29 an object made anew with what cannot change in place replaces its twin', async ({ shop, rome, milan }) => {
  await shop.create(
    { ...configMap('frozen', { a: '1' }), immutable: true },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'typed' },
      type: 'Opaque',
      stringData: { username: 'u', password: 'p' },
    },
  );
  await until(
    'there',
    async () =>
      (await rome.find(['-n', shop.twin, 'get', 'configmap', 'frozen'])) &&
      (await rome.find(['-n', shop.twin, 'get', 'secret', 'typed'])),
  );
  await milan.kubectl(['-n', shop.name, 'delete', 'configmap/frozen', 'secret/typed']);
  await shop.create(
    { ...configMap('frozen', { a: '2' }), immutable: true },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'typed' },
      type: 'kubernetes.io/basic-auth',
      stringData: { username: 'u', password: 'p' },
    },
  );
  await until(
    'replaced',
    async () =>
      (await rome.find(['-n', shop.twin, 'get', 'configmap', 'frozen']))?.['data'].a === '2' &&
      (await rome.find(['-n', shop.twin, 'get', 'secret', 'typed']))?.['type'] === 'kubernetes.io/basic-auth',
    30_000,
  );
});

test('REF-30 metadata that belongs to home stays at home', async ({ shop, rome, milan }) => {
  await shop.create({
    ...configMap('tracked', { a: '1' }),
    metadata: {
      name: 'tracked',
      labels: {
        app: 'kept',
        'argocd.argoproj.io/instance': 'x',
        'kustomize.toolkit.fluxcd.io/name': 'x',
        'app.kubernetes.io/instance': 'x',
      },
      annotations: {
        'example.com/kept': 'yes',
        'argocd.argoproj.io/tracking-id': 'x',
        'meta.helm.sh/release-name': 'x',
      },
      finalizers: ['example.com/hold'],
      ownerReferences: [
        { apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody', uid: '00000000-0000-0000-0000-000000000000' },
      ],
    },
  });
  const twin = await rome.find(['-n', shop.twin, 'get', 'configmap', 'tracked']);
  const seen = twin ?? (await until('there', () => rome.find(['-n', shop.twin, 'get', 'configmap', 'tracked'])));
  expect(seen['metadata'].labels).toMatchObject({ app: 'kept', 'tombolo.io/origin': 'milan' });
  for (const key of ['argocd.argoproj.io/instance', 'kustomize.toolkit.fluxcd.io/name', 'app.kubernetes.io/instance'])
    expect(seen['metadata'].labels[key]).toBeUndefined();
  const annotations = seen['metadata'].annotations;
  expect(annotations['example.com/kept']).toBe('yes');
  for (const key of [
    'argocd.argoproj.io/tracking-id',
    'meta.helm.sh/release-name',
    'kubectl.kubernetes.io/last-applied-configuration',
  ])
    expect(annotations[key]).toBeUndefined();
  expect(seen['metadata'].finalizers).toBeUndefined();
  expect(seen['metadata'].ownerReferences).toBeUndefined();
  // Or the namespace could never go.
  await milan.kubectl([
    '-n',
    shop.name,
    'patch',
    'configmap',
    'tracked',
    '--type=merge',
    '-p',
    '{"metadata":{"finalizers":null}}',
  ]);
});

test('REF-33 one object that cannot be copied delays no other', async ({ shop, rome }) => {
  await rome.apply({ ...configMap('blocked', {}), metadata: { name: 'blocked', namespace: shop.twin } });
  await shop.create(
    configMap('blocked', { a: '1' }),
    ...Array.from({ length: 20 }, (_, index) => configMap(`free-${index}`, { a: '1' })),
  );
  await until(
    'the others are there',
    async () =>
      (await rome.json(['-n', shop.twin, 'get', 'configmaps']))['items'].filter((item: Json) =>
        item['metadata'].name.startsWith('free-'),
      ).length === 20,
    10_000,
  );
});

test('REF-34 a mounted volume follows', async ({ shop, milan }) => {
  await shop.create(
    configMap('mounted', { word: 'one' }),
    remotePod('reader', {
      volumes: [{ name: 'v', configMap: { name: 'mounted' } }],
      containers: [sleeper({ volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
    }),
  );
  await shop.podInPhase('reader', 'Running');
  expect(await milan.kubectl(['-n', shop.name, 'exec', 'reader', '--', 'cat', '/v/word'])).toBe('one');
  await milan.kubectl([
    '-n',
    shop.name,
    'patch',
    'configmap',
    'mounted',
    '--type=merge',
    '-p',
    '{"data":{"word":"two"}}',
  ]);
  await until(
    'file follows',
    async () => (await milan.kubectl(['-n', shop.name, 'exec', 'reader', '--', 'cat', '/v/word'])) === 'two',
    95_000,
  );
});

test('REF-35 token Secrets arrive as Opaque with the same data; Helm and bootstrap Secrets do not', async ({
  shop,
  rome,
  milan,
}) => {
  await shop.create(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'long-lived', annotations: { 'kubernetes.io/service-account.name': 'default' } },
      type: 'kubernetes.io/service-account-token',
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'sh.helm.release.v1.x.v1' },
      type: 'helm.sh/release.v1',
      stringData: { release: 'x' },
    },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'plain' }, stringData: { a: '1' } },
    remotePod('holder', {
      restartPolicy: 'Never',
      volumes: [{ name: 'v', secret: { secretName: 'long-lived' } }],
      containers: [script('ls /v', { volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
    }),
  );
  const twin = await until('token Secret there', async () => {
    const secret = await rome.find(['-n', shop.twin, 'get', 'secret', 'long-lived']);
    return secret?.['data']?.token !== undefined && secret;
  });
  expect(twin['type']).toBe('Opaque');
  expect(twin['data'].token).toBe((await milan.json(['-n', shop.name, 'get', 'secret', 'long-lived']))['data'].token);
  await shop.podInPhase('holder', 'Succeeded', 60_000);
  await until('plain there', () => rome.find(['-n', shop.twin, 'get', 'secret', 'plain']));
  await throughout(
    'Helm Secret never copied',
    async () => (await rome.find(['-n', shop.twin, 'get', 'secret', 'sh.helm.release.v1.x.v1'])) === undefined,
    3_000,
  );
});
