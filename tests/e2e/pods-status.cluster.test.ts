import { describe, expect } from 'vitest';
import { type Json, throughout, until } from './bed.ts';
import { BUSYBOX, condition, isReady, remotePod, script, sleeper, test } from './fixtures.ts';

const restarts = (pod: Json | undefined): number => pod?.['status'].containerStatuses?.[0]?.restartCount ?? -1;

describe('status', () => {
  test('POD-15 phase, conditions, container states and start times come back; hostIP is the virtual node', async ({
    shop,
    milan,
  }) => {
    await shop.create(remotePod('web', { containers: [sleeper()] }));
    const local = await until('Ready', async () => {
      const pod = await shop.pod('web');
      return isReady(pod) && pod;
    });
    const [remote] = await shop.remotePods(local['metadata'].uid);
    expect(local['status'].containerStatuses[0].state).toEqual(remote?.['status'].containerStatuses[0].state);
    expect(local['status'].startTime).toBe(remote?.['status'].startTime);
    const addresses = (await milan.json('get node rome'))['status'].addresses.map((entry: Json) => entry['address']);
    expect(addresses).toContain(local['status'].hostIP);
    expect(condition(local, 'tombolo.io/Offloaded')?.['status']).toBe('True');
  });

  test('POD-17 POD-42 an OnFailure container restarts in place and its count, state and exit code follow', async ({
    shop,
  }) => {
    await shop.create(remotePod('flaky', { restartPolicy: 'OnFailure', containers: [script('exit 3')] }));
    const local = await until(
      'two restarts',
      async () => {
        const pod = await shop.pod('flaky');
        return restarts(pod) >= 2 && pod;
      },
      90_000,
    );
    expect(local['status'].containerStatuses[0].lastState.terminated.exitCode).toBe(3);
    expect(local['status'].containerStatuses[0].lastState.terminated.reason).toBe('Error');
    expect(await shop.remotePods(local['metadata'].uid)).toHaveLength(1);
  });

  test('POD-42 an evicted OnFailure pod is Failed and not run again', async ({ shop, rome }) => {
    await shop.create(remotePod('once', { restartPolicy: 'Never', containers: [sleeper()] }));
    const local = await shop.podInPhase('once', 'Running');
    const [remote] = await shop.remotePods(local['metadata'].uid);
    await rome.kubectl(['-n', shop.twin, 'delete', 'pod', remote?.['metadata'].name, '--wait=false']);
    await until('ended', async () => ['Failed', 'Succeeded'].includes((await shop.pod('once'))?.['status'].phase));
    await throughout('not run again', async () => (await shop.remotePods(local['metadata'].uid)).length === 0, 5_000);
  });

  test('POD-18 an Always pod deleted there is Running again with the same UID and one restart more', async ({
    shop,
    rome,
    milan,
  }) => {
    await shop.create(remotePod('phoenix', { containers: [sleeper()] }));
    const before = await shop.podInPhase('phoenix', 'Running');
    const uid = before['metadata'].uid;
    for (const expected of [1, 2]) {
      const [remote] = await shop.remotePods(uid);
      await rome.kubectl(['-n', shop.twin, 'delete', 'pod', remote?.['metadata'].name, '--wait=false']);
      await until(
        `restart ${expected}`,
        async () => {
          const pod = await shop.pod('phoenix');
          return restarts(pod) === expected && isReady(pod) && pod?.['metadata'].uid === uid;
        },
        40_000,
      );
    }
    const events = await milan.json(['-n', shop.name, 'get', 'events', '--field-selector', 'reason=RemoteRecreated']);
    expect(events['items'].length).toBeGreaterThan(0);
    expect(events['items'][0].type).toBe('Warning');
  });

  test('POD-19 NODE-20 restartCount never falls when our kubelet restarts', async ({ shop, rome, milan }) => {
    await shop.create(remotePod('counted', { containers: [sleeper()] }));
    const before = await shop.podInPhase('counted', 'Running');
    const [remote] = await shop.remotePods(before['metadata'].uid);
    await rome.kubectl(['-n', shop.twin, 'delete', 'pod', remote?.['metadata'].name, '--wait=false']);
    await until('one restart', async () => restarts(await shop.pod('counted')) === 1, 40_000);
    await milan.kubectl('-n tombolo-system delete pod -l tombolo.io/component=kubelet --wait=false');
    await throughout('count stays', async () => restarts(await shop.pod('counted')) === 1, 15_000);
    expect(isReady(await milan.find('get node rome'))).toBe(true);
  });

  test('POD-20 of two remote pods the living one counts and the leftover is removed', async ({ shop, rome }) => {
    await shop.create(remotePod('twins', { containers: [sleeper()] }));
    const local = await shop.podInPhase('twins', 'Running');
    const [remote] = await shop.remotePods(local['metadata'].uid);
    await rome.kubectl([
      '-n',
      shop.twin,
      'patch',
      'pod',
      remote?.['metadata'].name,
      '--subresource=status',
      '--type=merge',
      '-p',
      '{"status":{"phase":"Failed","reason":"Evicted"}}',
    ]);
    await until(
      'one living remote pod is left',
      async () => {
        const pods = await shop.remotePods(local['metadata'].uid);
        return (
          pods.length === 1 &&
          pods[0]?.['metadata'].uid !== remote?.['metadata'].uid &&
          isReady(await shop.pod('twins'))
        );
      },
      60_000,
    );
    expect((await shop.pod('twins'))?.['status'].phase).toBe('Running');
  });

  test('POD-21 POD-22 POD-37 POD-38 NODE-35 verdicts arrive and never change, whatever happens to the remote', async ({
    shop,
    rome,
    milan,
  }) => {
    await shop.create(
      remotePod('good', { restartPolicy: 'Never', containers: [script('echo done > /dev/termination-log')] }),
      remotePod('bad', { restartPolicy: 'Never', containers: [script('echo broken > /dev/termination-log; exit 7')] }),
      remotePod('late', { restartPolicy: 'Never', activeDeadlineSeconds: 2, containers: [sleeper()] }),
    );
    const good = await shop.podInPhase('good', 'Succeeded');
    const bad = await shop.podInPhase('bad', 'Failed');
    const late = await shop.podInPhase('late', 'Failed', 60_000);
    const terminated = (pod: Json) => pod['status'].containerStatuses[0].state.terminated;
    expect(terminated(good)).toMatchObject({ exitCode: 0, message: 'done\n' });
    expect(terminated(bad)).toMatchObject({ exitCode: 7, reason: 'Error', message: 'broken\n' });
    expect(late['status'].reason).toBe('DeadlineExceeded');
    await rome.kubectl(['-n', shop.twin, 'delete', 'pods', '--all', '--wait=false']);
    await milan.kubectl('-n tombolo-system delete pod -l tombolo.io/component=kubelet --wait=false');
    await throughout(
      'verdict stays and nothing runs again',
      async () => {
        const pods = await rome.json(['-n', shop.twin, 'get', 'pods']);
        const alive = pods['items'].filter((pod: Json) => pod['metadata'].deletionTimestamp === undefined);
        return (
          alive.length === 0 &&
          (await shop.pod('good'))?.['status'].phase === 'Succeeded' &&
          terminated((await shop.pod('bad')) as Json).exitCode === 7
        );
      },
      15_000,
    );
  });

  test('POD-58 labels and annotations follow without a restart', async ({ shop, milan }) => {
    await shop.create(
      remotePod('labelled', { containers: [sleeper()] }, { labels: { a: '1' }, annotations: { 'example.com/x': '1' } }),
    );
    const local = await shop.podInPhase('labelled', 'Running');
    await milan.kubectl(['-n', shop.name, 'label', 'pod', 'labelled', 'a=2', 'b=3', '--overwrite']);
    await milan.kubectl([
      '-n',
      shop.name,
      'annotate',
      'pod',
      'labelled',
      'example.com/x-',
      'example.com/y=2',
      'argocd.argoproj.io/tracking-id=no',
    ]);
    const remote = await until('followed', async () => {
      const [pod] = await shop.remotePods(local['metadata'].uid);
      const { labels, annotations } = pod?.['metadata'] ?? {};
      return (
        labels?.a === '2' &&
        labels.b === '3' &&
        annotations?.['example.com/y'] === '2' &&
        annotations['example.com/x'] === undefined &&
        pod
      );
    });
    expect(remote['metadata'].annotations['argocd.argoproj.io/tracking-id']).toBeUndefined();
    expect(restarts(await shop.pod('labelled'))).toBe(0);
  });
});

describe('why a pod does not run', () => {
  test('POD-70 GrantExceeded names resource, asked, free and granted; the pod starts when there is room', async ({
    shop,
    milan,
  }) => {
    await shop.create(remotePod('big', { containers: [sleeper({ resources: { requests: { cpu: '800m' } } })] }, {}));
    await shop.podInPhase('big', 'Running');
    // Bound by hand: the scheduler itself would not choose a node without room.
    await shop.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'bigger' },
      spec: {
        nodeName: 'rome',
        terminationGracePeriodSeconds: 1,
        containers: [sleeper({ resources: { requests: { cpu: '1300m' } } })],
      },
    });
    const why = await until('refused', async () => {
      const pod = await shop.pod('bigger');
      // kube-scheduler is not involved; our kubelet says it in the condition, or the pod is Failed by nobody
      const entry = condition(pod, 'tombolo.io/Offloaded');
      return entry?.['status'] === 'False' && entry;
    });
    expect(why['reason']).toBe('GrantExceeded');
    expect(why['message']).toMatch(/cpu/);
    expect(why['message'].length).toBeLessThanOrEqual(300);
    await milan.kubectl(['-n', shop.name, 'delete', 'pod', 'big']);
    await shop.podInPhase('bigger', 'Running', 60_000);
  });

  test('POD-71 NODE-38 a cordoned grant refuses new pods and lets running ones be', async ({ shop, rome, milan }) => {
    await shop.create(remotePod('early', { containers: [sleeper()] }));
    await shop.podInPhase('early', 'Running');
    const [tenant, grant] = await grantOfMilan(rome);
    await rome.kubectl(['-n', tenant, 'patch', 'grant', grant, '--type=merge', '-p', '{"spec":{"cordoned":true}}']);
    try {
      await until(
        'node is tainted',
        async () =>
          (await milan.json('get node rome'))['spec'].taints?.some(
            (taint: Json) => taint['key'] === 'tombolo.io/grant-cordoned',
          ),
        30_000,
      );
      await shop.create({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'tardy' },
        spec: { nodeName: 'rome', terminationGracePeriodSeconds: 1, containers: [sleeper()] },
      });
      await shop.whyNot('tardy', 'GrantCordoned');
      expect((await shop.pod('early'))?.['status'].phase).toBe('Running');
    } finally {
      await rome.kubectl(['-n', tenant, 'patch', 'grant', grant, '--type=merge', '-p', '{"spec":{"cordoned":false}}']);
    }
    await shop.podInPhase('tardy', 'Running', 60_000);
  });

  test('POD-72 RemoteUnschedulable carries the message of the scheduler there; PodScheduled stays True', async ({
    shop,
  }) => {
    await shop.create(
      remotePod(
        'nowhere',
        {
          containers: [sleeper()],
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'no.such/key',
              whenUnsatisfiable: 'DoNotSchedule',
              labelSelector: { matchLabels: { a: 'b' } },
            },
          ],
          nodeSelector: undefined,
          nodeName: 'rome',
        },
        { labels: { a: 'b' } },
      ),
    );
    expect(await shop.whyNot('nowhere', 'RemoteUnschedulable', 30_000)).toMatch(/node/);
    const scheduled = condition(await shop.pod('nowhere'), 'PodScheduled');
    expect(scheduled === undefined || scheduled['status'] === 'True').toBe(true);
  });

  test('POD-73 ImagePull with the waiting reason of a real node', async ({ shop }) => {
    await shop.create(
      remotePod('no-image', {
        containers: [{ name: 'main', image: 'tombolo.test/no-such-image:1', imagePullPolicy: 'Never' }],
      }),
    );
    await shop.whyNot('no-image', 'ImagePull');
    const waiting = (await shop.pod('no-image'))?.['status'].containerStatuses[0].state.waiting;
    expect(waiting.reason).toMatch(/ErrImageNeverPull|ErrImagePull|ImagePullBackOff/);
  });

  test('POD-74 MissingReference names it; the pod starts after it is made; an optional one does not hinder', async ({
    shop,
  }) => {
    await shop.create(
      remotePod('waits', { containers: [sleeper({ envFrom: [{ configMapRef: { name: 'settings' } }] })] }),
      remotePod('free', { containers: [sleeper({ envFrom: [{ configMapRef: { name: 'absent', optional: true } }] })] }),
    );
    expect(await shop.whyNot('waits', 'MissingReference', 30_000)).toContain('settings');
    expect((await shop.pod('waits'))?.['status'].containerStatuses[0].state.waiting.reason).toBe(
      'CreateContainerConfigError',
    );
    await shop.podInPhase('free', 'Running');
    await shop.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { A: '1' } });
    await shop.podInPhase('waits', 'Running', 60_000);
  });

  test('POD-75 PodSecurity carries the message of the twin', async ({ shop }) => {
    await shop.create(
      remotePod('privileged', {
        containers: [{ name: 'main', image: BUSYBOX, command: ['true'], securityContext: { privileged: true } }],
      }),
    );
    expect(await shop.whyNot('privileged', 'PodSecurity')).toContain('privileged');
  });
});

/** Tenant namespace and name of the grant that rome gave to milan. */
async function grantOfMilan(rome: { json(args: string): Promise<Json> }): Promise<[string, string]> {
  const grants = await rome.json('get grants -A');
  const { namespace, name } = grants['items'][0].metadata;
  return [namespace, name];
}
