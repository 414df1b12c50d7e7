import { describe, expect } from 'vitest';
import { connectCluster, loadKubeconfig, NAMESPACE } from '#pkg/kube';
import { type Json, type TestCluster, throughout, until } from './bed.ts';
import { condition, isReady, offload, remotePod, remoteSet, sleeper, test } from './fixtures.ts';

let serial = 0;
const fresh = (word: string) => `${word}-${process.pid.toString(36)}-${++serial}`;
const namespace = (name: string, labels: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});
const offloading = (name: string, spec: object = {}, objectName = 'offloading') => ({
  apiVersion: 'tombolo.io/v1alpha1',
  kind: 'Offloading',
  metadata: { name: objectName, namespace: name },
  spec,
});

/** Takes the label away and sets it again, within a second also where a busy machine needs one to start kubectl. */
async function relabel({ kubeconfig, name }: TestCluster, namespaceName: string): Promise<void> {
  await using cluster = connectCluster({ ...(await loadKubeconfig(kubeconfig)), name });
  for (const value of [null, 'true']) {
    const body = { metadata: { labels: { 'tombolo.io/offload': value } } };
    await cluster.client.patch(NAMESPACE, { name: namespaceName }, body, { type: 'merge' });
  }
}

/** On a virtual node where one takes it, and otherwise at home. */
const RATHER_REMOTE = {
  nodeAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: [
      { weight: 100, preference: { matchExpressions: [{ key: 'tombolo.io/peer', operator: 'Exists' }] } },
    ],
  },
};

describe('namespaces', () => {
  test('REF-01 REF-11 the label alone makes an Offloading with defaults and a twin with our marks', async ({
    milan,
    rome,
    shop,
  }) => {
    const object = await milan.json(['-n', shop.name, 'get', 'offloading', 'offloading']);
    expect(object['spec'].podStrategy ?? 'LocalAndRemote').toBe('LocalAndRemote');
    expect(shop.twin).toBe(`${shop.name}-milan`);
    const twin = await rome.json(['get', 'namespace', shop.twin]);
    expect(twin['metadata'].labels).toMatchObject({
      'tombolo.io/origin': 'milan',
      'pod-security.kubernetes.io/enforce': 'baseline',
    });
    expect(Object.values(twin['metadata'].annotations)).toContain(shop.name);
  });

  test('REF-02 an Offloading without the label brings the label', async ({ milan, peered: _ }) => {
    const name = fresh('object');
    await milan.apply(namespace(name));
    await milan.apply(offloading(name, { podStrategy: 'Remote', twin: { strategy: 'Named', name: `${name}-there` } }));
    // A name outside the patterns that the provider allows is refused with the rule; the label comes in any case.
    await until(
      'label',
      async () => (await milan.json(['get', 'namespace', name]))['metadata'].labels['tombolo.io/offload'] === 'true',
    );
    await milan.try(['delete', 'namespace', name, '--wait=false']);
  });

  test('REF-03 removing the label evicts, fails, keeps or leaves pods as told; then the twin goes', async ({
    milan,
    rome,
    peered: _,
  }) => {
    const shop = await offload(milan, rome, fresh('ending'));
    await shop.create(
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web' },
        spec: {
          replicas: 1,
          selector: { matchLabels: { app: 'web' } },
          template: {
            metadata: { labels: { app: 'web' } },
            spec: {
              terminationGracePeriodSeconds: 1,
              affinity: RATHER_REMOTE,
              containers: [sleeper()],
            },
          },
        },
      },
      remotePod('bare', { containers: [sleeper()] }),
      remotePod('finished', { restartPolicy: 'Never', containers: [{ ...sleeper(), command: ['true'] }] }),
      remotePod('never', { containers: [{ ...sleeper(), image: 'tombolo.test/none:1', imagePullPolicy: 'Never' }] }),
    );
    await shop.podInPhase('bare', 'Running');
    await shop.podInPhase('finished', 'Succeeded');
    await milan.kubectl(['-n', shop.name, 'rollout', 'status', 'deployment/web', '--timeout=60s'], {
      timeoutMs: 70_000,
    });
    await shop.whyNot('never', 'ImagePull');
    await milan.kubectl(['label', 'namespace', shop.name, 'tombolo.io/offload-']);
    await until('twin gone', async () => (await rome.find(['get', 'namespace', shop.twin])) === undefined, 60_000);
    expect(await milan.find(['-n', shop.name, 'get', 'offloading', 'offloading'])).toBeUndefined();
    const bare = await shop.podInPhase('bare', 'Failed');
    expect(bare['status'].reason).toBe('OffloadingEnded');
    expect((await shop.pod('finished'))?.['status'].phase).toBe('Succeeded');
    await shop.whyNot('never', 'NotOffloaded');
    const pods = await until(
      'web runs at home',
      async () => {
        const list = (await milan.json(['-n', shop.name, 'get', 'pods', '-l', 'app=web']))['items'];
        return list.length === 1 && list[0].status.phase === 'Running' && list;
      },
      40_000,
    );
    expect(pods[0].spec.nodeName).not.toBe('rome');
    await milan.try(['delete', 'namespace', shop.name, '--wait=false']);
  });

  test('REF-04 a label that is set again at once changes nothing, an object made again ends offloaded; no pod runs twice', async ({
    milan,
    rome,
    shop,
  }) => {
    await shop.create(
      remoteSet('Deployment', 'web', 2, { nodeSelector: {}, affinity: RATHER_REMOTE, containers: [sleeper()] }),
      remotePod('bare', { containers: [sleeper()] }),
    );
    const podsHere = async () => (await milan.json(['-n', shop.name, 'get', 'pods']))['items'] as Json[];
    const running = async () => {
      const pods = (await podsHere()).filter(({ status }) => status.phase === 'Running' && isReady({ status }));
      return pods.map(({ metadata }) => `${metadata.name} ${metadata.uid}`).toSorted();
    };
    const before = await until(
      'three run',
      async () => {
        const pods = await running();
        return pods.length === 3 && pods;
      },
      40_000,
    );
    /** Pods there that live, by the UID of their local pod: more than one of an entry is a pod that runs twice. */
    const twice: string[] = [];
    let isWatching = true;
    const watching = (async () => {
      while (isWatching) {
        const list = await rome.find(['-n', shop.twin, 'get', 'pods', '-l', 'tombolo.io/pod-uid']);
        const uids = ((list?.['items'] ?? []) as Json[])
          .filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status.phase === 'Running')
          .map(({ metadata }) => metadata.labels['tombolo.io/pod-uid'] as string);
        twice.push(...uids.filter((uid, index) => uids.indexOf(uid) !== index));
        await new Promise((next) => setTimeout(next, 200));
      }
    })();
    const status = async () => (await milan.find(['-n', shop.name, 'get', 'offloading', 'offloading']))?.['status'];
    try {
      await relabel(milan, shop.name);
      await throughout('it stays offloaded', async () => (await status())?.summary === 'AllReady', 4_000);
      expect(await running()).toEqual(before);

      await milan.kubectl(['-n', shop.name, 'delete', 'offloading', 'offloading', '--wait=false']);
      // As long as the old object ends, another one of that name cannot be made.
      await until(
        'made again',
        async () => {
          const outcome = await milan.try('create -f -', { stdin: JSON.stringify(offloading(shop.name)) });
          if (outcome.code === 0) return true;
          throw new Error(`${outcome.stderr} ${JSON.stringify(await status())}`);
        },
        60_000,
      );
      await until('offloaded again', async () => (await status())?.summary === 'AllReady', 60_000);
      await until('its controller made the pods again', async () => (await running()).length === 2, 60_000);
      const [bare] = (await podsHere()).filter(({ metadata }) => metadata.name === 'bare');
      expect(bare?.['status']).toMatchObject({ phase: 'Failed', reason: 'OffloadingEnded' });
      const labels = (await milan.json(['get', 'namespace', shop.name]))['metadata'].labels;
      expect(labels['tombolo.io/offload']).toBe('true');
      await throughout('and stays so', async () => (await status())?.summary === 'AllReady', 3_000);
    } finally {
      isWatching = false;
      await watching;
    }
    expect(twice).toEqual([]);
  });

  test('REF-05 wrong Offloadings are denied with one sentence each', async ({ milan, shop }) => {
    const bare = fresh('wrong');
    await milan.apply(namespace(bare));
    const cases: [object, RegExp][] = [
      [offloading(bare, {}, 'other'), /offloading/],
      [offloading(bare, { twin: { strategy: 'Named' } }), /[Nn]ame/],
      [offloading(shop.name, { twin: { strategy: 'Same' } }), /twin/],
      [offloading(bare, { peerSelector: [{ matchExpressions: [{ key: 'a', operator: 'Near' }] }] }), /operator|Near/],
      [offloading(bare, { podStrategy: 'Everywhere' }), /podStrategy|Everywhere/],
    ];
    for (const [object, sentence] of cases) {
      const outcome = await milan.try('apply -f -', { stdin: JSON.stringify(object) });
      expect(outcome.code, JSON.stringify(object)).not.toBe(0);
      expect(outcome.stderr).toMatch(sentence);
    }
    await milan.try(['delete', 'namespace', bare, '--wait=false']);
  });

  test('REF-06 kube-*, tombolo-* and twins cannot be offloaded', async ({ milan, rome, shop }) => {
    for (const [cluster, name] of [
      [milan, 'kube-public'],
      [milan, 'tombolo-system'],
      [rome, shop.twin],
    ] as const) {
      const outcome = await cluster.try('apply -f -', { stdin: JSON.stringify(offloading(name)) });
      expect(outcome.code, name).not.toBe(0);
    }
    await milan.kubectl('label namespace kube-public tombolo.io/offload=true');
    try {
      await until('event says why', async () =>
        (await milan.json('get events -A'))['items'].some(
          (event: Json) => event['involvedObject'].name === 'kube-public' && event['type'] === 'Warning',
        ),
      );
      expect(await milan.find('-n kube-public get offloading offloading')).toBeUndefined();
    } finally {
      await milan.kubectl('label namespace kube-public tombolo.io/offload-');
    }
  });

  test('REF-07 a selector that matches no virtual node says NoPeerSelected; a label that begins to match extends it', async ({
    milan,
    rome,
    peered: _,
  }) => {
    const name = fresh('chosen');
    await milan.apply(namespace(name));
    await milan.apply(
      offloading(name, { peerSelector: [{ matchExpressions: [{ key: 'tier', operator: 'In', values: ['gold'] }] }] }),
    );
    try {
      await until(
        'NoPeerSelected',
        async () =>
          (await milan.find(['-n', name, 'get', 'offloading', 'offloading']))?.['status']?.summary === 'NoPeerSelected',
      );
      await milan.kubectl([
        'patch',
        'virtualnode',
        'rome',
        '--type=merge',
        '-p',
        '{"spec":{"labels":{"tier":"gold"}}}',
      ]);
      await until('twin there', async () => rome.find(['get', 'namespace', `${name}-milan`]), 30_000);
      await milan.kubectl(['patch', 'virtualnode', 'rome', '--type=merge', '-p', '{"spec":{"labels":null}}']);
      await until(
        'twin gone',
        async () => (await rome.find(['get', 'namespace', `${name}-milan`])) === undefined,
        40_000,
      );
    } finally {
      await milan.try(['patch', 'virtualnode', 'rome', '--type=merge', '-p', '{"spec":{"labels":null}}']);
      await milan.try(['delete', 'namespace', name, '--wait=false']);
    }
  });

  test('REF-09 POD-77 a namespace of somebody else with the name of the twin is never touched; cleaned when it goes', async ({
    milan,
    rome,
    peered: _,
  }) => {
    const name = fresh('taken');
    await rome.apply(namespace(`${name}-milan`, { owner: 'rome' }));
    await milan.apply(namespace(name, { 'tombolo.io/offload': 'true' }));
    await milan.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'waiting', namespace: name },
      spec: { nodeName: 'rome', terminationGracePeriodSeconds: 1, containers: [sleeper()] },
    });
    try {
      await until(
        'NameTaken',
        async () =>
          (await milan.find(['-n', name, 'get', 'offloading', 'offloading']))?.['status']?.peers?.[0]?.reason ===
          'NameTaken',
        30_000,
      );
      await until(
        'the pod says NamespaceNotReady',
        async () =>
          condition(await milan.find(['-n', name, 'get', 'pod', 'waiting']), 'tombolo.io/Offloaded')?.['reason'] ===
          'NamespaceNotReady',
      );
      const standing = await rome.json(['get', 'namespace', `${name}-milan`]);
      expect(standing['metadata'].labels['owner']).toBe('rome');
      expect(standing['metadata'].labels['tombolo.io/origin']).toBeUndefined();
      await rome.kubectl(['delete', 'namespace', `${name}-milan`]);
      await until(
        'runs',
        async () => (await milan.find(['-n', name, 'get', 'pod', 'waiting']))?.['status'].phase === 'Running',
        60_000,
      );
    } finally {
      await milan.try(['delete', 'namespace', name, '--wait=false']);
    }
  });

  test('REF-10 long names are cut with a hash and stay different', async ({ milan, rome, peered: _ }) => {
    const [first, second] = [`${'a'.repeat(61)}1`, `${'a'.repeat(61)}2`];
    const twins: string[] = [];
    for (const name of [first, second]) {
      const { twin } = await offload(milan, rome, name);
      expect(twin.length).toBeLessThanOrEqual(63);
      expect(twin).toMatch(/-[0-9a-f]{8}$/);
      twins.push(twin);
    }
    expect(new Set(twins).size).toBe(2);
    for (const name of [first, second]) await milan.try(['delete', 'namespace', name, '--wait=false']);
  });
});

describe('admission', () => {
  const affinityOf = (pod: Json) =>
    pod['spec'].affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const dry = async (milan: { kubectl(args: string, options: object): Promise<string> }, pod: object) =>
    JSON.parse(await milan.kubectl('create --dry-run=server -o json -f -', { stdin: JSON.stringify(pod) })) as Json;
  const tolerates = (pod: Json) =>
    (pod['spec'].tolerations ?? []).some((toleration: Json) => toleration['key'] === 'tombolo.io/virtual-node');

  test('REF-14 REF-16 REF-17 REF-19 strategies and their override by annotation', async ({ milan, shop }) => {
    const pod = (annotations: object = {}) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: shop.name, annotations },
      spec: { containers: [sleeper()] },
    });
    const plain = await dry(milan, pod());
    expect(tolerates(plain)).toBe(true);
    expect(affinityOf(plain)).toBeUndefined();
    const remote = await dry(milan, pod({ 'tombolo.io/pod-strategy': 'Remote' }));
    expect(JSON.stringify(affinityOf(remote))).toContain('type');
    const local = await dry(milan, pod({ 'tombolo.io/pod-strategy': 'Local' }));
    expect(tolerates(local)).toBe(false);
    const wrong = await milan.try('create --dry-run=server -f -', {
      stdin: JSON.stringify(pod({ 'tombolo.io/pod-strategy': 'Sometimes' })),
    });
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain('Sometimes');
  });

  test('REF-15 REF-18 selector terms are merged as a cross product, and twice is the same', async ({
    milan,
    peered: _,
  }) => {
    const name = fresh('merge');
    await milan.apply(namespace(name));
    await milan.apply(
      offloading(name, { peerSelector: [{ matchExpressions: [{ key: 'x', operator: 'In', values: ['1'] }] }] }),
    );
    await until(
      'label',
      async () => (await milan.json(['get', 'namespace', name]))['metadata'].labels['tombolo.io/offload'] === 'true',
    );
    const terms = [
      { matchExpressions: [{ key: 'a', operator: 'Exists' }] },
      {
        matchExpressions: [{ key: 'b', operator: 'Exists' }],
        matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }],
      },
    ];
    const once = await dry(milan, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: name },
      spec: {
        nodeSelector: { c: 'd' },
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } },
        containers: [sleeper()],
      },
    });
    const merged = affinityOf(once);
    expect(merged).toHaveLength(4);
    expect(merged.filter((term: Json) => term['matchFields'] !== undefined)).toHaveLength(2);
    expect(once['spec'].nodeSelector).toEqual({ c: 'd' });
    const twice = await dry(milan, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: name },
      spec: { affinity: once['spec'].affinity, tolerations: once['spec'].tolerations, containers: [sleeper()] },
    });
    expect(affinityOf(twice)).toEqual(merged);
    await milan.try(['delete', 'namespace', name, '--wait=false']);
  });

  test('REF-21 pods that exist before the label are left as they are', async ({ milan, peered: _ }) => {
    const name = fresh('before');
    await milan.apply(namespace(name), {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'old', namespace: name },
      spec: { terminationGracePeriodSeconds: 1, containers: [sleeper()] },
    });
    const before = (await milan.json(['-n', name, 'get', 'pod', 'old']))['spec'].tolerations;
    await milan.kubectl(['label', 'namespace', name, 'tombolo.io/offload=true']);
    await until(
      'offloaded',
      async () =>
        (await milan.find(['-n', name, 'get', 'offloading', 'offloading']))?.['status']?.summary === 'AllReady',
      30_000,
    );
    expect((await milan.json(['-n', name, 'get', 'pod', 'old']))['spec'].tolerations).toEqual(before);
    await milan.try(['delete', 'namespace', name, '--wait=false']);
  });

  test('REF-22 REF-23 NODE-12 creates elsewhere never see us, and creates here survive a rolling restart', async ({
    milan,
    shop,
  }) => {
    const configuration = await milan.json('get mutatingwebhookconfiguration tombolo');
    const pods = configuration['webhooks'].filter((hook: Json) =>
      hook['rules'].some((rule: Json) => rule['resources'].includes('pods')),
    );
    expect(pods.length).toBeGreaterThan(0);
    for (const hook of pods) expect(JSON.stringify(hook['namespaceSelector'])).toContain('tombolo.io/offload');
    await milan.kubectl('-n tombolo-system rollout restart deployment/tombolo-controller');
    const failures: string[] = [];
    const end = performance.now() + 25_000;
    for (let index = 0; performance.now() < end; index++) {
      const outcome = await milan.try('create --dry-run=server -o json -f -', {
        stdin: JSON.stringify({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: `roll-${index}`, namespace: shop.name },
          spec: { containers: [sleeper()] },
        }),
      });
      if (outcome.code !== 0) failures.push(outcome.stderr);
      else if (!tolerates(JSON.parse(outcome.stdout))) failures.push('missed');
    }
    expect(failures).toEqual([]);
    await milan.kubectl('-n tombolo-system rollout status deployment/tombolo-controller --timeout=90s', {
      timeoutMs: 100_000,
    });
  });
});
