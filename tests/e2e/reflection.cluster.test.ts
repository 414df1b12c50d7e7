import { expect } from 'vitest';
import { patient } from '../patience.ts';
import { CONFIG_MAP, type ConfigMap, connectCluster, loadKubeconfig, SECRET, type Secret } from '#pkg/kube';
import { mapLimit } from '#pkg/runtime';
import { requestCounts } from '../bench/request-count.ts';
import { type Json, type TestCluster, throughout, until } from './bed.ts';
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

/** So many ConfigMaps, and as many Secrets; kubectl alone would take half a minute for a thousand. */
async function makeMany({ kubeconfig, name }: TestCluster, namespace: string, count: number): Promise<void> {
  await using cluster = connectCluster({ ...(await loadKubeconfig(kubeconfig)), name });
  const names = Array.from({ length: count }, (_, index) => `rest-${index}`);
  await mapLimit(names, 16, async (object) => {
    const metadata = { name: object, namespace };
    await cluster.client.create<ConfigMap>(CONFIG_MAP, { metadata, data: { a: '1' } });
    await cluster.client.create<Secret>(SECRET, { metadata, stringData: { a: '1' } });
  });
}

/** Requests that write, or try to, since the API server's start. */
async function writesOf(cluster: TestCluster, resource: string): Promise<number> {
  const counts = await requestCounts(cluster);
  // Deletions are of namespaces of other tests; one of an object here would show in its version.
  return ['POST', 'PUT', 'PATCH', 'APPLY'].reduce((sum, verb) => sum + (counts.get(`${verb} ${resource}`) ?? 0), 0);
}

test('REF-32 REF-34 POD-28 REF-25 a mounted volume follows; its pod and 1,000 objects beside it cause no write on either side in 60 s', {
  timeout: patient(240_000),
}, async ({ shop, milan, rome }) => {
  await shop.create(
    configMap('mounted', { word: 'one' }),
    remotePod('reader', {
      volumes: [{ name: 'v', configMap: { name: 'mounted' } }],
      containers: [sleeper({ volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
    }),
  );
  await makeMany(milan, shop.name, 500);
  await shop.podInPhase('reader', 'Running');
  expect(await milan.kubectl(['-n', shop.name, 'exec', 'reader', '--', 'cat', '/v/word'])).toBe('one');
  const versions = async (cluster: TestCluster, namespace: string) =>
    (await cluster.json(['-n', namespace, 'get', 'configmaps,secrets']))['items']
      .filter((item: Json) => item['metadata'].name.startsWith('rest-'))
      .map((item: Json) => `${item['kind']} ${item['metadata'].name} ${item['metadata'].resourceVersion}`)
      .toSorted() as string[];
  const sides = [
    [milan, shop.name],
    [rome, shop.twin],
  ] as const;
  await until('all are copied', async () => (await versions(rome, shop.twin)).length === 1_000, 60_000);
  const measure = () =>
    Promise.all(
      sides.map(async ([cluster, namespace]) => ({
        objects: await versions(cluster, namespace),
        pods: (await cluster.json(['-n', namespace, 'get', 'pods,replicasets']))['items'].map(
          ({ metadata }: Json) => `${metadata.name} ${metadata.resourceVersion}`,
        ) as string[],
        configMaps: await writesOf(cluster, 'configmaps'),
        secrets: await writesOf(cluster, 'secrets'),
      })),
    );

  const before = await measure();
  const end = performance.now() + 60_000;
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
  await until('60 s are over', async () => performance.now() > end, 65_000);
  const after = await measure();
  expect(after.map(({ objects }) => objects)).toEqual(before.map(({ objects }) => objects));
  expect(before.map(({ pods }) => pods.length)).toEqual([1, 2]); // here the pod, there its wrapper too
  expect(after.map(({ pods }) => pods)).toEqual(before.map(({ pods }) => pods));
  after.forEach(({ configMaps, secrets }, side) => {
    // Of the one that changed: our patch here; there a patch before its first apply, and that apply, once or twice.
    expect(configMaps - (before[side]?.configMaps ?? 0)).toBeLessThanOrEqual(4);
    expect(secrets - (before[side]?.secrets ?? 0)).toBe(0);
  });
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

test('REF-46 REF-48 "never", then the annotation, then the selection, then the default; denied prefixes also go from what is there', async ({
  shop,
  rome,
  milan,
}) => {
  const DENIED = 'corp.example.com/team';
  const marked = (name: string, labels: object = {}, annotations: object = {}) =>
    configMap(
      name,
      {},
      {
        metadata: { name, labels: { [DENIED]: 'a', ...labels }, annotations: { [DENIED]: 'a', ...annotations } },
      },
    );
  const wish = (value: string) => ({ 'tombolo.io/reflect': value });
  await shop.create(
    marked('never', { tier: 'bank', share: 'yes' }, wish('true')),
    marked('wished', {}, wish('true')),
    marked('refused', { share: 'yes' }, wish('false')),
    marked('selected', { share: 'yes' }),
    marked('unselected'),
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'default' }, stringData: { a: '1' } },
    remotePod('tagged', { containers: [sleeper()] }, { labels: { [DENIED]: 'a', app: 'tagged' } }),
  );
  const there = async () => {
    const { items } = await rome.json([
      '-n',
      shop.twin,
      'get',
      'configmaps,secrets',
      '-l',
      'tombolo.io/origin,!tombolo.io/pod-uid',
    ]);
    const names = items.map((item: Json) => item['metadata'].name as string) as string[];
    return names
      .filter((name) => !name.startsWith('tombolo-'))
      .toSorted()
      .join(' ');
  };
  const keysThere = async (...what: string[]) => {
    const found = await rome.json(['-n', shop.twin, 'get', ...what]);
    return JSON.stringify('items' in found ? found['items'] : found).includes(DENIED);
  };
  const { uid } = (await shop.podInPhase('tagged', 'Running'))['metadata'];
  const ofPod = ['pods,replicasets', '-l', `tombolo.io/pod-uid=${uid}`];
  await until('all but the refused one', async () => (await there()) === 'default never selected unselected wished');
  expect(await Promise.all([keysThere('configmap', 'wished'), keysThere(...ofPod)])).toEqual([true, true]);

  const policy = `rules-${shop.name}`;
  await milan.apply({
    apiVersion: 'tombolo.io/v1alpha1',
    kind: 'ReflectionPolicy',
    metadata: { name: policy },
    spec: {
      namespaces: [shop.name],
      never: [{ kind: 'ConfigMap', selector: { matchLabels: { tier: 'bank' } } }],
      select: [{ kind: 'ConfigMap', selector: { matchExpressions: [{ key: 'share', operator: 'Exists' }] } }],
      denyPrefixes: ['corp.example.com/'],
    },
  });
  try {
    await until('by the rules', async () => (await there()) === 'default selected wished');
    await until('without the label', async () => !(await keysThere('configmaps')) && !(await keysThere(...ofPod)));
    expect((await rome.json(['-n', shop.twin, 'get', 'pods', '-l', 'app=tagged']))['items']).toHaveLength(1);
  } finally {
    await milan.kubectl(['delete', 'reflectionpolicy', policy]);
  }
  await until('as before', async () => (await there()) === 'default never selected unselected wished');
  await until('with the label', async () => (await keysThere('configmap', 'wished')) && (await keysThere(...ofPod)));
});

test('REF-52 events there about pods, wrappers and copies stand on the objects here, at most one write a second', async ({
  shop,
  rome,
  milan,
}) => {
  await rome.apply({ ...configMap('theirs', {}), metadata: { name: 'theirs', namespace: shop.twin } });
  await shop.create(
    configMap('noted', { a: '1' }),
    remotePod('sick', {
      containers: [
        sleeper({ livenessProbe: { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 1_000 } }),
      ],
    }),
    remotePod('refused', { hostNetwork: true, containers: [sleeper()] }),
  );
  const eventsOf = async (name: string) =>
    (await milan.json(['-n', shop.name, 'get', 'events', '--field-selector', `involvedObject.name=${name}`]))[
      'items'
    ].filter((event: Json) => event['source'].component?.startsWith('rome/')) as Json[];
  const told = (name: string, reason: string) => async () =>
    (await eventsOf(name)).find((event) => event['reason'] === reason);

  const sick = await shop.podInPhase('sick', 'Running');
  const unhealthy = await until('the probe that fails', told('sick', 'Unhealthy'));
  expect(unhealthy['source']).toEqual({ component: 'rome/kubelet', host: expect.stringContaining('rome') });
  expect(unhealthy['involvedObject']).toMatchObject({
    kind: 'Pod',
    uid: sick['metadata'].uid,
    fieldPath: 'spec.containers{main}',
  });
  await until(
    'it is counted',
    async () => ((await told('sick', 'Unhealthy')())?.['count'] ?? 0) >= unhealthy['count'] + 3,
  );
  await until('what goes well, of few pods', told('sick', 'Started'));
  const wrapper = await until('what the wrapper says', told('refused', 'FailedCreate'));
  expect(wrapper['involvedObject'].kind).toBe('Pod');
  expect(wrapper['message']).toContain('PodSecurity');

  const twin = await until('the copy', () => rome.find(['-n', shop.twin, 'get', 'configmap', 'noted']));
  const theirs = await rome.json(['-n', shop.twin, 'get', 'configmap', 'theirs']);
  const event = (name: string, on: Json, count = 1) => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: shop.twin },
    involvedObject: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: on['metadata'].name,
      namespace: shop.twin,
      uid: on['metadata'].uid,
    },
    type: 'Warning',
    reason: 'Odd',
    message: name,
    source: { component: 'auditor' },
    count,
  });
  await rome.apply(event('theirs', theirs), ...Array.from({ length: 7 }, (_, index) => event(`odd-${index}`, twin)));
  const first = await until('the first of them', told('noted', 'Odd'));
  expect(first['source'].component).toBe('rome/auditor');
  await rome.apply(event('odd-0', twin, 9));
  const all = await until(
    'the last of them, and the count',
    async () => {
      const found = await eventsOf('noted');
      return found.length === 7 && found.some(({ message, count }) => message === 'odd-0' && count === 9) && found;
    },
    60_000,
  );
  const times = all.map(({ metadata }) => metadata.creationTimestamp);
  expect(new Set(times).size).toBe(times.length);
  expect(JSON.stringify(await milan.json(['-n', shop.name, 'get', 'events']))).not.toContain('theirs');
});
