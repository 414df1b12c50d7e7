import { describe, expect } from 'vitest';
import { type Json, until } from './bed.ts';
import { AGNHOST, BUSYBOX, remotePod, remoteSet, script, sleeper, test } from './fixtures.ts';

describe('wrapping', () => {
  test('POD-01 an Always pod is one ReplicaSet of 1 and one pod there, and no object of ours per pod', async ({
    shop,
    milan,
    rome,
  }) => {
    await shop.create(remotePod('web', { containers: [sleeper()] }));
    const local = await shop.podInPhase('web', 'Running');
    const uid = local['metadata'].uid as string;
    const wrappers = await rome.json(['-n', shop.twin, 'get', 'replicasets', '-l', `tombolo.io/pod-uid=${uid}`]);
    expect(wrappers['items'].map((item: Json) => item['spec'].replicas)).toEqual([1]);
    expect(await shop.remotePods(uid)).toHaveLength(1);
    for (const cluster of [milan, rome]) {
      const kinds = (await cluster.kubectl('api-resources --api-group tombolo.io -o name')).trim().split('\n');
      const objects = await cluster.json(['get', kinds.join(','), '-A']);
      const perPod = objects['items'].filter((item: Json) => JSON.stringify(item).includes(uid));
      expect(perPod).toEqual([]);
    }
  });

  test('POD-02 OnFailure, Never, a deadline or a StatefulSet give a bare pod', async ({ shop, rome }) => {
    await shop.create(
      remotePod('never', { restartPolicy: 'Never', containers: [sleeper()] }),
      remotePod('on-failure', { restartPolicy: 'OnFailure', containers: [sleeper()] }),
      remotePod('deadline', { activeDeadlineSeconds: 600, containers: [sleeper()] }),
      remoteSet('StatefulSet', 'db', 1, { containers: [sleeper()] }),
    );
    for (const name of ['never', 'on-failure', 'deadline', 'db-0']) {
      const local = await shop.podInPhase(name, 'Running');
      const [remote, ...others] = await shop.remotePods(local['metadata'].uid);
      expect(others).toEqual([]);
      expect(remote?.['metadata'].ownerReferences?.map((owner: Json) => owner['kind']) ?? []).not.toContain(
        'ReplicaSet',
      );
      expect(remote?.['spec'].restartPolicy).toBe(local['spec'].restartPolicy);
      expect(remote?.['spec'].activeDeadlineSeconds).toBe(local['spec'].activeDeadlineSeconds);
    }
    expect((await rome.json(['-n', shop.twin, 'get', 'replicasets']))['items']).toEqual([]);
  });

  test('POD-03 POD-04 the spec arrives unchanged but for what the provider decides', async ({ shop }) => {
    await shop.create(
      remotePod(
        'rich',
        {
          affinity: {
            podAntiAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [
                { weight: 1, podAffinityTerm: { topologyKey: 'x', labelSelector: {} } },
              ],
            },
          },
          priorityClassName: 'system-cluster-critical',
          // With a token it would get the way to the API of home besides (POD-51).
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          dnsConfig: { options: [{ name: 'ndots', value: '2' }] },
          hostAliases: [{ ip: '192.0.2.7', hostnames: ['seven.example'] }],
          securityContext: { runAsUser: 1000, fsGroup: 2000 },
          initContainers: [{ name: 'first', image: BUSYBOX, command: ['true'] }],
          containers: [
            sleeper({
              env: [{ name: 'GREETING', value: 'ciao $(WHO)' }],
              ports: [{ containerPort: 8080, name: 'http' }],
              readinessProbe: { exec: { command: ['true'] }, periodSeconds: 3 },
              lifecycle: { preStop: { exec: { command: ['true'] } } },
              resources: { requests: { cpu: '10m' }, limits: { memory: '64Mi' } },
            }),
          ],
          volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '1Mi' } }],
        },
        { annotations: { 'example.com/note': 'kept' } },
      ),
    );
    const local = await shop.podInPhase('rich', 'Running');
    const [remote] = await shop.remotePods(local['metadata'].uid);
    const spec = remote?.['spec'] as Json;
    for (const gone of ['nodeSelector', 'affinity', 'priorityClassName']) expect(spec[gone]).toBeUndefined();
    expect(spec['priority'] ?? 0).toBe(0);
    expect(spec['schedulerName']).toBe('default-scheduler');
    for (const same of [
      'enableServiceLinks',
      'dnsConfig',
      'hostAliases',
      'securityContext',
      'terminationGracePeriodSeconds',
    ]) {
      expect(spec[same], same).toEqual(local['spec'][same]);
    }
    const trim = (container: Json) => ({ ...container, volumeMounts: undefined });
    expect(spec['containers'].map(trim)).toEqual(local['spec'].containers.map(trim));
    expect(spec['initContainers'].map(trim)).toEqual(local['spec'].initContainers.map(trim));
    expect(remote?.['metadata'].annotations['example.com/note']).toBe('kept');
  });

  test('POD-05 placement of the VirtualNode is on remote pods made after it', async ({ shop, milan }) => {
    await milan.kubectl([
      'patch',
      'virtualnode',
      'rome',
      '--type',
      'merge',
      '-p',
      JSON.stringify({
        spec: {
          placement: {
            nodeSelector: { 'kubernetes.io/os': 'linux' },
            tolerations: [{ key: 'lent', operator: 'Exists' }],
          },
        },
      }),
    ]);
    try {
      await new Promise((next) => setTimeout(next, 2_000));
      await shop.create(remotePod('placed', { containers: [sleeper()] }));
      const local = await shop.podInPhase('placed', 'Running');
      const [remote] = await shop.remotePods(local['metadata'].uid);
      expect(remote?.['spec'].nodeSelector).toEqual({ 'kubernetes.io/os': 'linux' });
      expect(remote?.['spec'].tolerations).toContainEqual({ key: 'lent', operator: 'Exists' });
    } finally {
      await milan.kubectl([
        'patch',
        'virtualnode',
        'rome',
        '--type',
        'json',
        '-p',
        '[{"op":"remove","path":"/spec/placement"}]',
      ]);
    }
    const local = await shop.pod('placed');
    expect(await shop.remotePods(local?.['metadata'].uid)).toHaveLength(1);
  });

  test('POD-06 the virtual-node toleration stays at home, others stand in order', async ({ shop }) => {
    await shop.create(
      remotePod('tolerant', {
        tolerations: [
          { key: 'first', operator: 'Exists', effect: 'NoSchedule' },
          { key: 'tombolo.io/virtual-node', operator: 'Exists', effect: 'NoSchedule' },
          { key: 'second', operator: 'Equal', value: 'x', effect: 'NoSchedule' },
        ],
        containers: [sleeper()],
      }),
    );
    const local = await shop.podInPhase('tolerant', 'Running');
    const [remote] = await shop.remotePods(local['metadata'].uid);
    const keys = remote?.['spec'].tolerations.map((toleration: Json) => toleration['key']);
    expect(keys.slice(0, 2)).toEqual(['first', 'second']);
    expect(keys).not.toContain('tombolo.io/virtual-node');
  });

  test('POD-07 host fields are never changed silently: the twin refuses and the pod says why', async ({ shop }) => {
    await shop.create(remotePod('host', { hostNetwork: true, containers: [sleeper()] }));
    expect(await shop.whyNot('host', 'PodSecurity')).toMatch(/host/i);
    const local = await shop.pod('host');
    expect(await shop.remotePods(local?.['metadata'].uid)).toEqual([]);
  });

  test('POD-11 a pod bound by hand runs like any other', async ({ shop }) => {
    await shop.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'bound' },
      spec: { nodeName: 'rome', terminationGracePeriodSeconds: 1, containers: [sleeper()] },
    });
    await shop.podInPhase('bound', 'Running');
  });

  test('POD-12 a pod bound by hand outside offloaded namespaces waits until its namespace is offloaded', async ({
    milan,
    rome,
    peered: _,
  }) => {
    const name = `plain-${process.pid.toString(36)}`;
    await milan.apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'waiting', namespace: name },
        spec: { nodeName: 'rome', terminationGracePeriodSeconds: 1, containers: [sleeper()] },
      },
    );
    try {
      await until('says NotOffloaded', async () => {
        const pod = await milan.find(['-n', name, 'get', 'pod', 'waiting']);
        return pod?.['status'].conditions?.some((entry: Json) => entry['reason'] === 'NotOffloaded');
      });
      expect(
        (await rome.json(['get', 'pods', '-A', '-l', 'tombolo.io/origin']))['items'].filter((pod: Json) =>
          pod['metadata'].name.startsWith('waiting'),
        ),
      ).toEqual([]);
      await milan.kubectl(['label', 'namespace', name, 'tombolo.io/offload=true']);
      await until(
        'runs',
        async () => (await milan.find(['-n', name, 'get', 'pod', 'waiting']))?.['status'].phase === 'Running',
        40_000,
      );
    } finally {
      await milan.try(['delete', 'namespace', name, '--wait=false']);
    }
  });

  test('POD-46 hostname is the local name; StatefulSet ordinals and Job indexes are as at home', async ({
    shop,
    milan,
  }) => {
    await shop.create(remoteSet('StatefulSet', 'ordered', 2, { containers: [sleeper()] }), {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'indexed' },
      spec: {
        completionMode: 'Indexed',
        completions: 2,
        parallelism: 2,
        template: {
          spec: {
            restartPolicy: 'Never',
            nodeSelector: { 'tombolo.io/peer': 'rome' },
            containers: [script('echo index $JOB_COMPLETION_INDEX on $(hostname)')],
          },
        },
      },
    });
    await milan.kubectl(['-n', shop.name, 'wait', '--for=condition=complete', 'job/indexed', '--timeout=60s'], {
      timeoutMs: 70_000,
    });
    const log = await milan.kubectl(['-n', shop.name, 'logs', '-l', 'job-name=indexed', '--tail=5']);
    expect(
      log
        .trim()
        .split('\n')
        .map((line) => line.replace(/(indexed-\d)-\w+$/, '$1'))
        .sort(),
    ).toEqual(['index 0 on indexed-0', 'index 1 on indexed-1']);
    await shop.podInPhase('ordered-1', 'Running', 60_000);
    expect(await milan.kubectl(['-n', shop.name, 'exec', 'ordered-1', '--', 'hostname'])).toBe('ordered-1\n');
  });

  test('POD-13 pods of one name in two offloaded namespaces are never mixed', async ({ shop, milan, rome }) => {
    const { offload } = await import('./fixtures.ts');
    const other = await offload(milan, rome, `${shop.name}-b`);
    try {
      for (const [space, word] of [
        [shop, 'alpha'],
        [other, 'beta'],
      ] as const) {
        await space.create(
          { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'same' }, stringData: { word } },
          remotePod('same', {
            containers: [
              script('echo "$WORD"; sleep 300', {
                env: [{ name: 'WORD', valueFrom: { secretKeyRef: { name: 'same', key: 'word' } } }],
              }),
            ],
          }),
        );
      }
      for (const [space, word] of [
        [shop, 'alpha'],
        [other, 'beta'],
      ] as const) {
        await space.podInPhase('same', 'Running');
        expect(await until('log', async () => await milan.kubectl(['-n', space.name, 'logs', 'same']))).toBe(
          `${word}\n`,
        );
      }
    } finally {
      await milan.try(['delete', 'namespace', other.name, '--wait=false']);
    }
  });
});

describe('the main job', () => {
  test('NODE-01 REF-14 REF-20 a Deployment made right after the label spreads over real and virtual nodes', async ({
    shop,
    milan,
  }) => {
    await milan.kubectl([
      '-n',
      shop.name,
      'create',
      'deployment',
      'web',
      '--image',
      AGNHOST,
      '--replicas',
      '6',
      '--',
      '/agnhost',
      'netexec',
    ]);
    await milan.kubectl(['-n', shop.name, 'rollout', 'status', 'deployment/web', '--timeout=90s'], {
      timeoutMs: 100_000,
    });
    const pods = await milan.json(['-n', shop.name, 'get', 'pods']);
    const nodes = new Set(pods['items'].map((pod: Json) => pod['spec'].nodeName));
    expect(nodes.has('rome')).toBe(true);
    expect(nodes.size).toBeGreaterThan(1);
    for (const pod of pods['items']) {
      expect(await milan.kubectl(['-n', shop.name, 'exec', pod.metadata.name, '--', 'hostname'])).toBe(
        `${pod.metadata.name}\n`,
      );
    }
  });
});
