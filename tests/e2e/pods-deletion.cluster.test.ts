import { describe, expect } from 'vitest';
import { type Json, throughout, until } from './bed.ts';
import { remotePod, remoteSet, script, sleeper, test } from './fixtures.ts';

describe('deletion', () => {
  test('POD-30 the remote gets preStop, SIGTERM and the grace; the local object goes only when the remote is gone', async ({
    shop,
    milan,
  }) => {
    await shop.create(
      remotePod('slow', {
        terminationGracePeriodSeconds: 20,
        containers: [
          script('trap "echo got TERM; sleep 3; exit 0" TERM; echo up; while true; do sleep 0.2; done', {
            lifecycle: { preStop: { exec: { command: ['sh', '-c', 'echo pre-stop > /proc/1/fd/1'] } } },
          }),
        ],
      }),
    );
    const local = await shop.podInPhase('slow', 'Running');
    const uid = local['metadata'].uid;
    await until('up', async () => (await milan.kubectl(['-n', shop.name, 'logs', 'slow'])).includes('up'));
    const follow = milan.try(['-n', shop.name, 'logs', '-f', 'slow']);
    await milan.kubectl(['-n', shop.name, 'delete', 'pod', 'slow', '--wait=false']);
    await new Promise((next) => setTimeout(next, 1_500));
    expect((await shop.pod('slow'))?.['metadata'].deletionTimestamp).toBeDefined();
    await until('local object gone', async () => (await shop.pod('slow')) === undefined);
    expect(await shop.remotePods(uid)).toEqual([]);
    const log = (await follow).stdout;
    expect(log).toContain('pre-stop');
    expect(log).toContain('got TERM');
  });

  test('POD-31 a forced deletion is at once here and within 10 s there', async ({ shop, rome, milan }) => {
    await shop.create(
      remotePod('stubborn', {
        terminationGracePeriodSeconds: 120,
        containers: [script('trap "" TERM; while true; do sleep 1; done')],
      }),
    );
    const local = await shop.podInPhase('stubborn', 'Running');
    await milan.kubectl(['-n', shop.name, 'delete', 'pod', 'stubborn', '--force', '--grace-period=0']);
    expect(await shop.pod('stubborn')).toBeUndefined();
    await until(
      'gone there',
      async () =>
        (await rome.json(['-n', shop.twin, 'get', 'pods', '-l', `tombolo.io/pod-uid=${local['metadata'].uid}`]))[
          'items'
        ].length === 0,
      15_000,
    );
  });

  test('POD-32 a pod that never started there is gone on both sides', async ({ shop, rome, milan }) => {
    await shop.create(
      remotePod('no-image', { containers: [{ name: 'main', image: 'tombolo.test/none:1', imagePullPolicy: 'Never' }] }),
      remotePod('refused', { hostNetwork: true, containers: [sleeper()] }),
    );
    await shop.whyNot('no-image', 'ImagePull');
    await shop.whyNot('refused', 'PodSecurity');
    await milan.kubectl(['-n', shop.name, 'delete', 'pod', 'no-image', 'refused', '--timeout=20s']);
    await until(
      'nothing left there',
      async () => (await rome.json(['-n', shop.twin, 'get', 'pods,replicasets']))['items'].length === 0,
    );
  });

  test('POD-33 deleted, and force deleted, while our kubelet is down: the remote is cleaned after the return', async ({
    shop,
    rome,
    milan,
  }) => {
    await shop.create(
      remotePod('forced', { containers: [sleeper()] }),
      remotePod('asked', { containers: [sleeper()] }),
    );
    await shop.podInPhase('forced', 'Running');
    await shop.podInPhase('asked', 'Running');
    const replicas = (await milan.json('-n tombolo-system get deployment tombolo-kubelet'))['spec'].replicas;
    await milan.kubectl('-n tombolo-system scale deployment tombolo-kubelet --replicas 0');
    try {
      await milan.kubectl('-n tombolo-system wait --for=delete pod -l tombolo.io/component=kubelet --timeout=60s', {
        timeoutMs: 70_000,
      });
      await milan.kubectl(['-n', shop.name, 'delete', 'pod', 'forced', '--force', '--grace-period=0']);
      await milan.kubectl(['-n', shop.name, 'delete', 'pod', 'asked', '--wait=false']);
    } finally {
      await milan.kubectl(`-n tombolo-system scale deployment tombolo-kubelet --replicas ${replicas}`);
    }
    await until(
      'cleaned there',
      async () => (await rome.json(['-n', shop.twin, 'get', 'pods,replicasets']))['items'].length === 0,
      60_000,
    );
    await until('cleaned here', async () => (await shop.pod('asked')) === undefined, 20_000);
  });

  test('POD-34 the same name with a new UID starts only after the old remote is gone', async ({ shop, milan }) => {
    const set = remoteSet('StatefulSet', 'db', 1, {
      terminationGracePeriodSeconds: 2,
      containers: [script('trap "" TERM; while true; do sleep 1; done')],
    });
    await shop.create(set);
    const first = await shop.podInPhase('db-0', 'Running');
    await milan.kubectl(['-n', shop.name, 'delete', 'pod', 'db-0', '--force', '--grace-period=0']);
    const second = await until(
      'a new db-0 runs',
      async () => {
        const pod = await shop.pod('db-0');
        return pod?.['metadata'].uid !== first['metadata'].uid && pod?.['status'].phase === 'Running' && pod;
      },
      60_000,
    );
    expect(await shop.remotePods(first['metadata'].uid)).toEqual([]);
    const [remote] = await shop.remotePods(second['metadata'].uid);
    await throughout(
      'the new one is left alone',
      async () => (await shop.remotePods(second['metadata'].uid))[0]?.['metadata'].uid === remote?.['metadata'].uid,
      5_000,
    );
  });

  test('POD-35 an object of somebody else with our name is never touched; the pod says so and starts when it is gone', async ({
    shop,
    rome,
    milan,
  }) => {
    const foreign = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'mine', namespace: shop.twin, labels: { owner: 'rome' } },
      spec: { terminationGracePeriodSeconds: 1, containers: [sleeper()] },
    };
    await rome.apply(foreign);
    await shop.create(remotePod('mine', { restartPolicy: 'Never', containers: [sleeper()] }));
    await shop.whyNot('mine', 'NameTaken');
    await until(
      'event',
      async () =>
        (await milan.json(['-n', shop.name, 'get', 'events', '--field-selector', 'reason=FailedReflection']))['items']
          .length > 0,
    );
    const standing = await rome.json(['-n', shop.twin, 'get', 'pod', 'mine']);
    expect(standing['metadata'].labels).toEqual({ owner: 'rome' });
    await rome.kubectl(['-n', shop.twin, 'delete', 'pod', 'mine']);
    await shop.podInPhase('mine', 'Running', 60_000);
  });

  test('POD-36 a wrapper deleted by hand is repaired, the local UID unchanged', async ({ shop, rome }) => {
    await shop.create(remotePod('wrapped', { containers: [sleeper()] }));
    const local = await shop.podInPhase('wrapped', 'Running');
    const uid = local['metadata'].uid;
    await rome.kubectl(['-n', shop.twin, 'delete', 'replicaset', '-l', `tombolo.io/pod-uid=${uid}`]);
    await until(
      'repaired',
      async () => {
        const wrappers = await rome.json(['-n', shop.twin, 'get', 'replicasets', '-l', `tombolo.io/pod-uid=${uid}`]);
        const alive = wrappers['items'].filter((item: Json) => item['metadata'].deletionTimestamp === undefined);
        return (
          alive.length === 1 &&
          (await shop.remotePods(uid)).length === 1 &&
          (await shop.pod('wrapped'))?.['status'].phase === 'Running'
        );
      },
      40_000,
    );
    expect((await shop.pod('wrapped'))?.['metadata'].uid).toBe(uid);
  });

  test('POD-44 an Always pod comes back there while our kubelet is away', async ({ shop, rome, milan }) => {
    await shop.create(remotePod('alone', { containers: [sleeper()] }));
    const local = await shop.podInPhase('alone', 'Running');
    const replicas = (await milan.json('-n tombolo-system get deployment tombolo-kubelet'))['spec'].replicas;
    await milan.kubectl('-n tombolo-system scale deployment tombolo-kubelet --replicas 0');
    try {
      await milan.kubectl('-n tombolo-system wait --for=delete pod -l tombolo.io/component=kubelet --timeout=60s', {
        timeoutMs: 70_000,
      });
      const [before] = await shop.remotePods(local['metadata'].uid);
      await rome.kubectl(['-n', shop.twin, 'delete', 'pod', before?.['metadata'].name, '--wait=false']);
      await until('back there', async () => {
        const [now] = await shop.remotePods(local['metadata'].uid);
        return (
          now !== undefined && now['metadata'].uid !== before?.['metadata'].uid && now['status'].phase === 'Running'
        );
      });
    } finally {
      await milan.kubectl(`-n tombolo-system scale deployment tombolo-kubelet --replicas ${replicas}`);
    }
    await until(
      'counted here',
      async () => (await shop.pod('alone'))?.['status'].containerStatuses[0].restartCount === 1,
      60_000,
    );
  });
});

describe('never twice', () => {
  test('POD-45 a Job of 20 indexes runs every index exactly once while our kubelet is killed again and again', async ({
    shop,
    rome,
    milan,
  }) => {
    await shop.create({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'twenty' },
      spec: {
        completionMode: 'Indexed',
        completions: 20,
        parallelism: 5,
        backoffLimit: 0,
        template: {
          spec: {
            restartPolicy: 'Never',
            nodeSelector: { 'tombolo.io/peer': 'rome' },
            containers: [script('sleep 1; echo ran')],
          },
        },
      },
    });
    // The counter outside: every remote pod that was ever made, as the watch of the provider saw it.
    const seen = new Map<string, Set<string>>();
    let killed = 0;
    const end = performance.now() + 120_000;
    for (;;) {
      const pods = await rome.json(['-n', shop.twin, 'get', 'pods']);
      for (const pod of pods['items']) {
        const index = pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index'] ?? pod.metadata.name;
        seen.set(index, (seen.get(index) ?? new Set()).add(pod.metadata.uid));
      }
      const job = await milan.json(['-n', shop.name, 'get', 'job', 'twenty']);
      if (job['status'].succeeded === 20) break;
      expect(job['status'].failed ?? 0).toBe(0);
      if (performance.now() > end) throw new Error(`only ${job['status'].succeeded ?? 0} of 20 indexes after 120 s`);
      if (killed < 5) {
        await milan.try('-n tombolo-system delete pod -l tombolo.io/component=kubelet --force --grace-period=0');
        killed++;
      }
      await new Promise((next) => setTimeout(next, 3_000));
    }
    expect(killed).toBeGreaterThan(2);
    expect([...seen.values()].map((uids) => uids.size)).toEqual([...seen.keys()].map(() => 1));
  });
});
