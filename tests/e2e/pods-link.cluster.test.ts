/** What becomes of pods while the provider is away, and of those whose twin goes. */
import { expect } from 'vitest';
import { patient } from '../patience.ts';
import { type Json, throughout, until } from './bed.ts';
import { condition, isReady, type Offloaded, remotePod, remoteSet, script, sleeper, test } from './fixtures.ts';
import { without } from './without.ts';

/** Bounds of the cases, times what two cores under two whole clusters may need. */
const SLACK = 2;
const TOLERATION_SECONDS = 5;

const restarts = (pod: Json | undefined): number => pod?.['status'].containerStatuses?.[0]?.restartCount ?? -1;
const terminated = (pod: Json): Json => pod['status'].containerStatuses[0].state.terminated;
const isLeaving = (pod: Json): boolean => pod['metadata'].deletionTimestamp !== undefined;

/** Prefers rome, may run at home too, and leaves a lost node soon. */
const mover = (): object => {
  const set = remoteSet('Deployment', 'mover', 1, {
    nodeSelector: undefined,
    tolerations: ['not-ready', 'unreachable'].map((why) => ({
      key: `node.kubernetes.io/${why}`,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: TOLERATION_SECONDS,
    })),
    affinity: {
      nodeAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            preference: { matchExpressions: [{ key: 'tombolo.io/peer', operator: 'In', values: ['rome'] }] },
          },
        ],
      },
    },
    containers: [sleeper()],
  });
  return set;
};

/** Runs until the file is there that {@link endThere} makes, and fails then. */
const onDemand = (name: string): object =>
  remotePod(name, {
    restartPolicy: 'Never',
    containers: [script('while [ ! -e /tmp/end ]; do sleep 0.2; done; echo over > /dev/termination-log; exit 7')],
  });

/** Runs until it is killed: a second or two after it was asked to end. */
const deaf = script('trap "" TERM; while true; do sleep 1; done');

interface Sides {
  readonly rome: { kubectl(args: string[]): Promise<string>; find(args: string[]): Promise<Json | undefined> };
  readonly shop: Offloaded;
}

/** Lets a pod made by {@link onDemand} end at the provider. */
async function endThere({ rome, shop }: Sides, name: string): Promise<void> {
  await rome.kubectl(['-n', shop.twin, 'exec', name, '--', 'touch', '/tmp/end']);
  await until(
    `${name} has ended there`,
    async () => (await rome.find(['-n', shop.twin, 'get', 'pod', name]))?.['status'].phase === 'Failed',
  );
}

test('POD-23 POD-39 POD-40 NODE-17 the link is cut: patient pods stay, others move; verdicts arrive after it is back', {
  timeout: patient(300_000),
}, async ({ bed, milan, rome, shop }) => {
  const movers = async (): Promise<Json[]> =>
    (await milan.json(['-n', shop.name, 'get', 'pods', '-l', 'app=mover']))['items'];
  await shop.create(mover(), remotePod('patient', { containers: [sleeper()] }), onDemand('early'), onDemand('late'));
  for (const name of ['patient', 'early', 'late']) await shop.podInPhase(name, 'Running');
  const [first] = await until('the mover runs', async () => {
    const pods = await movers();
    return pods.length === 1 && isReady(pods[0]) && pods;
  });
  expect(first?.['spec'].nodeName).toBe('rome');
  const patient = (await shop.pod('patient')) as Json;
  const [patientThere] = await shop.remotePods(patient['metadata'].uid);
  const moverThere = await shop.remotePods(first?.['metadata'].uid);
  expect(moverThere).toHaveLength(1);

  let replacement: Json = {};
  await without('', { bed, milan, rome }, async () => {
    await endThere({ rome, shop }, 'early');
    await rome.kubectl(['-n', shop.twin, 'delete', 'pod', 'early', '--wait=false']);

    const evicted = await until(
      'the mover is evicted',
      async () => (await movers()).find((pod) => isLeaving(pod)),
      60_000 * SLACK,
    );
    const node = await milan.json('get node rome');
    expect(isReady(node)).toBe(false);
    const taint = node['spec'].taints.find((entry: Json) => entry['effect'] === 'NoExecute');
    const { deletionTimestamp, deletionGracePeriodSeconds, uid } = evicted['metadata'];
    const evictedAtMs = Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
    // Both times are whole seconds.
    expect(evictedAtMs - Date.parse(taint['timeAdded'])).toBeGreaterThanOrEqual(TOLERATION_SECONDS * 1000 - 1000);
    expect(condition(evicted, 'DisruptionTarget')).toMatchObject({ status: 'True', reason: 'DeletionByTaintManager' });
    replacement = await until('its replacement runs at home', async () =>
      (await movers()).find((pod) => pod['metadata'].uid !== uid && isReady(pod) && pod['spec'].nodeName !== 'rome'),
    );
    expect((await movers()).map((pod) => pod['metadata'].uid)).toContain(uid);
    expect((await shop.remotePods(uid)).length).toBe(1);

    await until(
      'the ended pod is not kept there for ever',
      async () => (await rome.find(['-n', shop.twin, 'get', 'pod', 'early'])) === undefined,
      60_000,
    );
    await endThere({ rome, shop }, 'late');
    await rome.kubectl(['-n', shop.twin, 'delete', 'pod', 'late', '--wait=false']);
    const waiting = (await shop.pod('patient')) as Json;
    expect(isLeaving(waiting)).toBe(false);
    expect((await shop.pod('early'))?.['status'].phase).toBe('Running');
  });

  await until(
    'one copy is left',
    async () => {
      const there = await rome.json([
        '-n',
        shop.twin,
        'get',
        'pods,replicasets',
        '-l',
        `tombolo.io/pod-uid=${first?.['metadata'].uid}`,
      ]);
      return there['items'].length === 0 && (await movers()).length === 1;
    },
    30_000 * SLACK,
  );
  for (const name of ['early', 'late']) {
    const pod = await shop.podInPhase(name, 'Failed');
    expect(terminated(pod)).toMatchObject({ exitCode: 7, reason: 'Error', message: 'over\n' });
    expect(pod['status'].reason).toBeUndefined();
  }
  const back = await until('the patient pod is ready again', async () => {
    const pod = await shop.pod('patient');
    return isReady(pod) && pod;
  });
  expect(back['metadata'].uid).toBe(patient['metadata'].uid);
  expect(restarts(back)).toBe(restarts(patient));
  expect((await shop.remotePods(back['metadata'].uid)).map((pod) => pod['metadata'].uid)).toEqual([
    patientThere?.['metadata'].uid,
  ]);
  await throughout(
    'the replacement is left alone, and nothing runs again',
    async () => {
      const [only, ...more] = await movers();
      const there = await rome.json(['-n', shop.twin, 'get', 'pods']);
      return (
        more.length === 0 &&
        only?.['metadata'].uid === replacement['metadata'].uid &&
        isReady(only) &&
        restarts(only) === 0 &&
        there['items'].length === 1
      );
    },
    5_000,
  );
});

test('POD-24 POD-25 what is Failed at home is stopped there; what is force-deleted there is lost; neither comes back', async ({
  milan,
  rome,
  shop,
}) => {
  await shop.create(
    remotePod('always', { containers: [sleeper()] }),
    remotePod('once', { restartPolicy: 'Never', containers: [sleeper()] }),
    remotePod('forced', { restartPolicy: 'OnFailure', containers: [deaf] }),
  );
  for (const name of ['always', 'once', 'forced']) await shop.podInPhase(name, 'Running');
  for (const name of ['always', 'once']) {
    const status = JSON.stringify({ status: { phase: 'Failed', reason: 'TerminationByKubelet' } });
    await milan.kubectl(['-n', shop.name, 'patch', 'pod', name, '--subresource=status', '--type=merge', '-p', status]);
  }
  await rome.kubectl(['-n', shop.twin, 'delete', 'pod', 'forced', '--force', '--grace-period=0', '--wait=false']);
  const forced = await shop.podInPhase('forced', 'Failed');
  expect(forced['status'].reason).toBe('RemotePodLost');
  expect(terminated(forced)).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
  await until(
    'all are stopped there',
    async () => (await rome.json(['-n', shop.twin, 'get', 'pods,replicasets']))['items'].length === 0,
  );
  await throughout(
    'phases stay, and nothing runs again',
    async () => {
      const pods = await milan.json(['-n', shop.name, 'get', 'pods']);
      const there = await rome.json(['-n', shop.twin, 'get', 'pods,replicasets']);
      return pods['items'].every((pod: Json) => pod['status'].phase === 'Failed') && there['items'].length === 0;
    },
    5_000,
  );
});

test('POD-43 a twin that is deleted there is made again: Always pods come back, unstarted ones start, others have failed', {
  timeout: patient(240_000),
}, async ({ rome, shop }) => {
  await shop.create(
    remotePod('always', { containers: [sleeper()] }),
    remotePod('done', { restartPolicy: 'Never', containers: [script('exit 0')] }),
    remotePod('ran', { restartPolicy: 'Never', containers: [deaf] }),
    remotePod('waits', {
      restartPolicy: 'Never',
      containers: [sleeper({ envFrom: [{ configMapRef: { name: 'later' } }] })],
    }),
  );
  const always = await shop.podInPhase('always', 'Running');
  await shop.podInPhase('ran', 'Running');
  await shop.podInPhase('done', 'Succeeded');
  await shop.whyNot('waits', 'MissingReference');
  const waits = (await shop.pod('waits')) as Json;
  const before = (await rome.json(['get', 'namespace', shop.twin]))['metadata'].uid;
  await rome.kubectl(['delete', 'namespace', shop.twin, '--wait=false']);
  await until(
    'the twin is there again',
    async () => {
      const namespace = await rome.find(['get', 'namespace', shop.twin]);
      return namespace !== undefined && namespace['metadata'].uid !== before;
    },
    60_000 * SLACK,
  );
  await until(
    'the Always pod is back, one restart further',
    async () => {
      const pod = await shop.pod('always');
      return pod?.['metadata'].uid === always['metadata'].uid && isReady(pod) && restarts(pod) === 1;
    },
    30_000 * SLACK,
  );
  const ran = await shop.podInPhase('ran', 'Failed', 30_000 * SLACK);
  expect(terminated(ran)['exitCode']).toBe(137);
  await shop.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'later' }, data: { A: '1' } });
  const started = await shop.podInPhase('waits', 'Running', 60_000);
  expect(started['metadata'].uid).toBe(waits['metadata'].uid);
  expect((await shop.pod('done'))?.['status'].phase).toBe('Succeeded');
  const there = await rome.json(['-n', shop.twin, 'get', 'pods']);
  expect(there['items'].map((pod: Json) => pod['metadata'].labels['tombolo.io/pod-uid']).sort()).toEqual(
    [always['metadata'].uid, waits['metadata'].uid].sort(),
  );
});
