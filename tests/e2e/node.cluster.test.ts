import { expect } from 'vitest';
import { type Json, throughout, until } from './bed.ts';
import { condition, isReady, remotePod, remoteSet, sleeper, test } from './fixtures.ts';

const nodeOf = (milan: { json(args: string): Promise<Json> }) => milan.json('get node rome');

test('NODE-01 NODE-02 NODE-03 the Node has the labels, taint, capacity and version that users rely on', async ({
  milan,
  rome,
  peered: _,
}) => {
  const node = await nodeOf(milan);
  expect(isReady(node)).toBe(true);
  expect(node['metadata'].labels).toMatchObject({
    type: 'virtual-kubelet',
    'kubernetes.io/hostname': 'rome',
    'tombolo.io/peer': 'rome',
    'node.kubernetes.io/exclude-from-external-load-balancers': expect.any(String),
    'kubernetes.io/arch': expect.any(String),
    'kubernetes.io/os': 'linux',
  });
  expect(node['spec'].taints).toContainEqual({ key: 'tombolo.io/virtual-node', value: 'rome', effect: 'NoSchedule' });
  expect(node['spec'].providerID).toBe('tombolo://rome/rome');
  const real = (await rome.json('get nodes'))['items'][0];
  expect(node['status'].nodeInfo.kubeletVersion.startsWith(real.status.nodeInfo.kubeletVersion)).toBe(true);
  expect(node['metadata'].labels['kubernetes.io/arch']).toBe(real.metadata.labels['kubernetes.io/arch']);
  expect(node['status'].capacity).toEqual(node['status'].allocatable);
  const grant = (await rome.json('get grants -A'))['items'][0];
  expect(node['status'].allocatable).toMatchObject(grant.status.granted);
});

test('NODE-02 NODE-04 NODE-22 what others put on the Node stays: labels, taints, capacity keys, cordon', async ({
  milan,
  peered: _,
}) => {
  await milan.kubectl('label node rome example.com/team=blue');
  await milan.kubectl('taint node rome example.com/busy=yes:PreferNoSchedule');
  await milan.kubectl([
    'patch',
    'node',
    'rome',
    '--subresource=status',
    '--type=merge',
    '-p',
    '{"status":{"capacity":{"example.com/widget":"3"}}}',
  ]);
  await milan.kubectl('cordon rome');
  await milan.kubectl([
    'patch',
    'virtualnode',
    'rome',
    '--type=merge',
    '-p',
    '{"spec":{"labels":{"tier":"burst"},"taints":[{"key":"lent","value":"yes","effect":"PreferNoSchedule"}]}}',
  ]);
  try {
    const node = await until('label and taint of the VirtualNode are there', async () => {
      const now = await nodeOf(milan);
      return (
        now['metadata'].labels.tier === 'burst' &&
        now['spec'].taints.some((taint: Json) => taint['key'] === 'lent') &&
        now
      );
    });
    expect(node['metadata'].labels['example.com/team']).toBe('blue');
    expect(node['spec'].taints).toContainEqual({ key: 'example.com/busy', value: 'yes', effect: 'PreferNoSchedule' });
    expect(node['status'].capacity['example.com/widget']).toBe('3');
    expect(node['spec'].unschedulable).toBe(true);
    await milan.kubectl([
      'patch',
      'virtualnode',
      'rome',
      '--type=merge',
      '-p',
      '{"spec":{"labels":null,"taints":null}}',
    ]);
    await until('label and taint are gone again', async () => {
      const now = await nodeOf(milan);
      return (
        now['metadata'].labels.tier === undefined && !now['spec'].taints.some((taint: Json) => taint['key'] === 'lent')
      );
    });
    expect((await nodeOf(milan))['metadata'].labels['example.com/team']).toBe('blue');
  } finally {
    await milan.try('uncordon rome');
    await milan.try('label node rome example.com/team-');
    await milan.try('taint node rome example.com/busy-');
    await milan.try(['patch', 'virtualnode', 'rome', '--type=merge', '-p', '{"spec":{"labels":null,"taints":null}}']);
    await milan.try([
      'patch',
      'node',
      'rome',
      '--subresource=status',
      '--type=merge',
      '-p',
      '{"status":{"capacity":{"example.com/widget":null}}}',
    ]);
  }
});

test('NODE-05 NODE-08 a VirtualNode named like an existing Node is denied and that Node is untouched', async ({
  milan,
  peered: _,
}) => {
  const real = (await milan.json('get nodes -l !tombolo.io/peer'))['items'][0];
  const outcome = await milan.try('apply -f -', {
    stdin: JSON.stringify({
      apiVersion: 'tombolo.io/v1alpha1',
      kind: 'VirtualNode',
      metadata: { name: real.metadata.name },
      spec: { peer: 'rome' },
    }),
  });
  expect(outcome.code).not.toBe(0);
  expect(outcome.stderr).toContain(real.metadata.name);
  const after = await milan.json(['get', 'node', real.metadata.name]);
  expect(after['spec']).toEqual(real.spec);
  expect(after['metadata'].labels).toEqual(real.metadata.labels);
});

test('NODE-06 a deleted virtual Node comes back and its pods never notice', async ({ shop, milan }) => {
  await shop.create(remotePod('unaware', { containers: [sleeper()] }));
  const before = await shop.podInPhase('unaware', 'Running');
  const [remote] = await shop.remotePods(before['metadata'].uid);
  await milan.kubectl('delete node rome --wait=false');
  await until('Node is back and Ready', async () => isReady(await milan.find('get node rome')), 20_000);
  await throughout(
    'pods untouched',
    async () =>
      (await shop.pod('unaware'))?.['metadata'].uid === before['metadata'].uid &&
      (await shop.remotePods(before['metadata'].uid))[0]?.['metadata'].uid === remote?.['metadata'].uid,
    5_000,
  );
});

test('NODE-10 NODE-12 DaemonSets count real nodes only, except in offloaded namespaces', async ({ milan, shop }) => {
  const daemon = (namespace: string, labels: object = {}) => ({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'everywhere', namespace, labels },
    spec: {
      selector: { matchLabels: { app: 'everywhere' } },
      template: {
        metadata: { labels: { app: 'everywhere' } },
        spec: { terminationGracePeriodSeconds: 1, tolerations: [{ operator: 'Exists' }], containers: [sleeper()] },
      },
    },
  });
  await milan.apply(daemon('default'));
  await shop.create(daemon(shop.name));
  const real = (await milan.json('get nodes -l !tombolo.io/peer'))['items'].length;
  try {
    await milan.kubectl('-n default rollout status daemonset/everywhere --timeout=60s', { timeoutMs: 70_000 });
    expect((await milan.json('-n default get daemonset everywhere'))['status'].desiredNumberScheduled).toBe(real);
    await until(
      'runs on rome too',
      async () => {
        const pods = await milan.json(['-n', shop.name, 'get', 'pods', '-l', 'app=everywhere']);
        return pods['items'].some((pod: Json) => pod['spec'].nodeName === 'rome' && pod['status'].phase === 'Running');
      },
      40_000,
    );
  } finally {
    await milan.try('-n default delete daemonset everywhere');
  }
});

test('NODE-13 NODE-15 NODE-16 POD-69 the node follows the API of the provider, and short interruptions do not show', async ({
  bed,
  milan,
  rome,
  shop,
}) => {
  await shop.create(remotePod('far', { containers: [sleeper()] }));
  await shop.podInPhase('far', 'Running');
  const transition = async () => condition(await nodeOf(milan), 'Ready')?.['lastTransitionTime'];
  const steady = await transition();
  await bed.control(['stop', 'rome', 'apiserver', '--kill']);
  await bed.control(['start', 'rome', 'apiserver']);
  await throughout('Ready through a restart', async () => (await transition()) === steady, 10_000);
  await bed.control(['stop', 'rome', 'apiserver', '--kill']);
  try {
    const ready = await until(
      'not Ready',
      async () => {
        const entry = condition(await nodeOf(milan), 'Ready');
        return entry?.['status'] === 'False' && entry;
      },
      25_000,
    );
    expect(ready['message']).toMatch(/https:\/\/[\d.]+:6443/);
    await until(
      'Ready=False on the pod',
      async () => condition(await shop.pod('far'), 'Ready')?.['status'] === 'False',
    );
    const lease = async () => (await milan.json('-n kube-node-lease get lease rome'))['spec'].renewTime;
    const renewed = await lease();
    await until('lease is still renewed', async () => (await lease()) !== renewed, 20_000);
    const started = performance.now();
    const logs = await milan.try(['-n', shop.name, 'logs', 'far']);
    expect(logs.code).not.toBe(0);
    expect(logs.stderr).toContain('rome');
    expect(performance.now() - started).toBeLessThan(12_000);
  } finally {
    await bed.control(['start', 'rome', 'apiserver']);
  }
  const startedAt = Date.now();
  await until('Ready again', async () => isReady(await milan.find('get node rome')), 20_000);
  await until('pod Ready again', async () => isReady(await shop.pod('far')));
  // The tests that follow need rome's controller.
  await until(
    'rome leads again',
    async () => {
      const lease = await rome.find('-n tombolo-system get lease tombolo-controller');
      return Date.parse(lease?.['spec'].renewTime) > startedAt;
    },
    120_000,
  );
});

test('NODE-23 POD-30 kubectl drain ends with exit 0 when the remote pods are gone', async ({ milan, shop }) => {
  await shop.create(remoteSet('Deployment', 'drained', 2, { containers: [sleeper()] }));
  await milan.kubectl(['-n', shop.name, 'rollout', 'status', 'deployment/drained', '--timeout=60s'], {
    timeoutMs: 70_000,
  });
  try {
    const outcome = await milan.try('drain rome --ignore-daemonsets --delete-emptydir-data --force --timeout=90s', {
      timeoutMs: 100_000,
    });
    expect(outcome.stderr + outcome.stdout).toContain('drained');
    expect(outcome.code).toBe(0);
  } finally {
    await milan.kubectl('uncordon rome');
  }
});

test('NODE-27 nobody without rights reads the kubelet API', async ({ bed, milan, peered: _ }) => {
  const node = await nodeOf(milan);
  const address = node['status'].addresses.find((entry: Json) => entry['type'] === 'InternalIP')['address'];
  const port = node['status'].daemonEndpoints.kubeletEndpoint.Port;
  const real = (await milan.json('get nodes -l !tombolo.io/peer'))['items'][0].metadata.name;
  const status = async (path: string, ...headers: string[]) =>
    (
      await bed.control([
        'exec',
        `milan/${real}`,
        '--',
        'curl',
        '-sk',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code}',
        ...headers,
        `https://${address}:${port}${path}`,
      ])
    ).stdout.trim();
  const token = (await milan.kubectl('-n default create token default')).trim();
  for (const path of [
    '/pods',
    '/stats/summary',
    '/metrics/resource',
    '/containerLogs/default/x/y',
    '/exec/default/x/y',
  ]) {
    expect(await status(path), path).toBe('401');
    expect(await status(path, '-H', 'Authorization: Bearer nonsense'), path).toBe('401');
    expect(await status(path, '-H', `Authorization: Bearer ${token}`), path).toBe('403');
  }
  expect(JSON.parse(await milan.kubectl('get --raw /api/v1/nodes/rome/proxy/pods')).kind).toBe('PodList');
});

test('NODE-28 one serving certificate per node, signed by the kubelet-serving signer; others are not approved', async ({
  milan,
  peered: _,
}) => {
  const requests = (await milan.json('get csr'))['items'].filter(
    (item: Json) => item['spec'].signerName === 'kubernetes.io/kubelet-serving',
  );
  expect(requests.length).toBeGreaterThan(0);
  expect(requests.every((item: Json) => condition(item, 'Approved') !== undefined)).toBe(true);
});

test('NODE-29 pods, runningpods, stats and metrics show only pods of that node', async ({ milan, shop }) => {
  await shop.create(remotePod('seen', { containers: [sleeper()] }), {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'unseen' },
    spec: {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'tombolo.io/peer', operator: 'DoesNotExist' }] }],
          },
        },
      },
      terminationGracePeriodSeconds: 1,
      containers: [sleeper()],
    },
  });
  await shop.podInPhase('seen', 'Running');
  await shop.podInPhase('unseen', 'Running');
  for (const path of ['pods', 'runningpods/']) {
    const list = JSON.parse(await milan.kubectl(`get --raw /api/v1/nodes/rome/proxy/${path}`));
    const names = list.items.map((item: Json) => item['metadata'].name);
    expect(names).toContain('seen');
    expect(names).not.toContain('unseen');
  }
  const summary = JSON.parse(await milan.kubectl('get --raw /api/v1/nodes/rome/proxy/stats/summary'));
  expect(summary.node.nodeName).toBe('rome');
  expect((summary.pods ?? []).map((pod: Json) => pod['podRef'].name)).not.toContain('unseen');
  expect(await milan.kubectl('get --raw /api/v1/nodes/rome/proxy/metrics/resource')).not.toContain('unseen');
});

test('NODE-30 NODE-31 a change of what is asked is followed, and never above the provider', async ({
  milan,
  rome,
  peered: _,
}) => {
  const before = (await milan.json('get virtualnode rome'))['spec'].resources;
  const allocated = (await nodeOf(milan))['status'].allocatable.cpu;
  try {
    await milan.kubectl([
      'patch',
      'virtualnode',
      'rome',
      '--type=merge',
      '-p',
      '{"spec":{"resources":{"cpu":"1","memory":"1Gi","pods":"10000","example.com/none":"1"}}}',
    ]);
    const node = await until(
      'node follows',
      async () => {
        const now = await nodeOf(milan);
        return now['status'].allocatable.cpu === '1' && now['status'].allocatable.memory === '1Gi' && now;
      },
      60_000,
    );
    expect(Number(node['status'].allocatable.pods)).toBeLessThan(10_000);
    expect(node['status'].allocatable['example.com/none']).toBeUndefined();
    const grant = (await rome.json('get grants -A'))['items'][0];
    expect(grant.status.missing).toContain('example.com/none');
  } finally {
    await milan.kubectl([
      'patch',
      'virtualnode',
      'rome',
      '--type=json',
      '-p',
      JSON.stringify([{ op: 'replace', path: '/spec/resources', value: before }]),
    ]);
  }
  await until('back', async () => (await nodeOf(milan))['status'].allocatable.cpu === allocated, 60_000);
});

test('NODE-39 a consumer asks for resources, and writes neither status nor cordon nor the grant of another one', async ({
  rome,
  peered: _,
}) => {
  const other = 'tombolo-tenant-somebody';
  const grant = { apiVersion: 'tombolo.io/v1alpha1', kind: 'Grant', metadata: { name: 'rome', namespace: other } };
  await rome.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: other } },
    { ...grant, spec: { requested: { cpu: '1' } } },
  );
  const asConsumer = (namespace: string, ...args: string[]) =>
    rome.try(['--as', 'system:serviceaccount:tombolo-tenant-milan:tenant', '-n', namespace, ...args]);
  const patch = (namespace: string, body: object, ...more: string[]) =>
    asConsumer(namespace, 'patch', 'grant', 'rome', '--type=merge', '-p', JSON.stringify(body), ...more);
  const own = 'tombolo-tenant-milan';
  const before = await rome.json(`-n ${own} get grant rome`);
  try {
    expect(await patch(own, { spec: { requested: before['spec'].requested } })).toMatchObject({ code: 0 });
    for (const [sentence, refused] of [
      ['resource "grants/status"', patch(own, { status: { granted: { cpu: '1000' } } }, '--subresource=status')],
      ['only the provider cordons and uncordons a grant', patch(own, { spec: { cordoned: true } })],
      ['cannot get resource "grants"', patch(other, { spec: { requested: { cpu: '9' } } })],
      ['cannot get resource "grants"', asConsumer(other, 'get', 'grant', 'rome')],
      ['cannot delete resource "grants"', asConsumer(other, 'delete', 'grant', 'rome')],
    ] as const) {
      const outcome = await refused;
      expect(outcome.code, sentence).not.toBe(0);
      expect(outcome.stderr).toContain(sentence);
    }
    // What the provider cordoned stays so.
    await rome.kubectl(`-n ${own} patch grant rome --type=merge -p {"spec":{"cordoned":true}}`);
    const outcome = await patch(own, { spec: { cordoned: null } });
    expect(outcome.stderr).toContain('only the provider cordons and uncordons a grant');
    const after = await rome.json(`-n ${own} get grant rome`);
    expect(after['spec']).toEqual({ ...before['spec'], cordoned: true });
    expect(after['status'].granted).toEqual(before['status'].granted);
  } finally {
    await rome.kubectl(`-n ${own} patch grant rome --type=merge -p {"spec":{"cordoned":null}}`);
    await rome.try(['delete', 'namespace', other, '--wait=false']);
  }
});
