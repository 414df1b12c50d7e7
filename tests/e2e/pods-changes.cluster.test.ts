import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { call, type Json, openBed, throughout, until } from './bed.ts';
import { BUSYBOX, condition, ensurePeered, isReady, type Offloaded, offload, remotePod, sleeper } from './peered.ts';

const bed = openBed();
const milan = bed.cluster('milan');
const rome = bed.cluster('rome');
let shop: Offloaded;
/** A second image with a shell: that of the product. */
let otherImage: string;

beforeAll(async () => {
  await ensurePeered(milan, rome);
  shop = await offload(milan, rome, `changes-${process.pid.toString(36)}`);
  const controller = await rome.json('-n tombolo-system get deployment tombolo-controller');
  otherImage = controller['spec'].template.spec.containers[0].image;
});

/** A second try begins without the pods of the first. */
beforeEach(({ onTestFailed }) =>
  onTestFailed(async () => void (await milan.try(['-n', shop.name, 'delete', 'pods', '--all', '--timeout=50s']))),
);

afterAll(async () => {
  await milan.try(['delete', 'namespace', shop.name, '--wait=false']);
});

const patch = (name: string, spec: object, ...options: string[]) =>
  milan.kubectl(['-n', shop.name, 'patch', 'pod', name, ...options, '-p', JSON.stringify({ spec })]);
const statusOf = (pod: Json | undefined, name = 'main'): Json =>
  pod?.['status'].containerStatuses?.find((status: Json) => status['name'] === name) ?? {};
const remoteOf = async (local: Json): Promise<Json> => (await shop.remotePods(local['metadata'].uid))[0] as Json;

async function running(name: string): Promise<Json> {
  return until(`${name} is Ready`, async () => {
    const pod = await shop.pod(name);
    return isReady(pod) && pod;
  });
}

/** Deletes the remote pod, as a drain there would, and waits for the next one. */
async function recreated(name: string): Promise<Json> {
  const old = await remoteOf((await shop.pod(name)) as Json);
  await rome.kubectl(['-n', shop.twin, 'delete', 'pod', old['metadata'].name, '--wait=false']);
  return until(
    `${name} runs again there`,
    async () => {
      const local = (await shop.pod(name)) as Json;
      const remote = await remoteOf(local);
      return remote?.['metadata'].uid !== old['metadata'].uid && isReady(remote) && isReady(local) && remote;
    },
    40_000,
  );
}

const lent = { key: 'tombolo.test/lent', operator: 'Exists', effect: 'NoSchedule' };

test('POD-59 POD-60 an image restarts its container in place and a toleration follows; a re-creation has both', async () => {
  await shop.create(remotePod('web', { containers: [sleeper(), sleeper({ name: 'side' })] }));
  const local = await running('web');
  const before = await remoteOf(local);
  await patch('web', {
    containers: [{ name: 'main', image: otherImage }],
    tolerations: [...local['spec'].tolerations, lent],
  });
  const changed = await until('restarted in place', async () => {
    const pod = await shop.pod('web');
    const main = statusOf(pod);
    return main['restartCount'] === 1 && main['state'].running !== undefined && pod;
  });
  expect(statusOf(changed)['imageID']).not.toBe(statusOf(changed, 'side')['imageID']);
  expect(statusOf(changed, 'side')['restartCount']).toBe(0);
  const after = await remoteOf(local);
  expect(after['metadata'].uid).toBe(before['metadata'].uid);
  expect(after['spec'].tolerations).toContainEqual(lent);

  const nodes = ['taint', 'nodes', '-l', 'tombolo.test/real=true'];
  await rome.kubectl([...nodes, `${lent.key}=yes:NoSchedule`]);
  try {
    const next = await recreated('web'); // only the toleration lets it onto the node
    expect(next['spec'].containers[0].image).toBe(otherImage);
    expect(next['spec'].tolerations).toContainEqual(lent);
  } finally {
    await rome.kubectl([...nodes, `${lent.key}-`]);
  }
});

test('POD-60 a deadline that is set or shortened ends the pod there, and nothing brings it back', async () => {
  await shop.create(
    remotePod('unbound', { containers: [sleeper()] }),
    remotePod('later', { containers: [sleeper()] }),
    remotePod('sooner', { restartPolicy: 'Never', activeDeadlineSeconds: 600, containers: [sleeper()] }),
  );
  const [unbound, later] = [await running('unbound'), await running('later')];
  await running('sooner');
  const before = await remoteOf(unbound);
  await patch('unbound', { activeDeadlineSeconds: 600 });
  await patch('later', { activeDeadlineSeconds: 5 });
  await patch('sooner', { activeDeadlineSeconds: 5 });
  for (const name of ['later', 'sooner']) {
    expect((await shop.podInPhase(name, 'Failed'))['status'].reason).toBe('DeadlineExceeded');
  }
  const bare = await until('unbound is bare', async () => {
    const remote = await remoteOf(unbound);
    return remote['metadata'].ownerReferences?.[0]?.kind === 'ConfigMap' && remote;
  });
  expect(bare['metadata'].uid).toBe(before['metadata'].uid);
  expect(bare['spec'].activeDeadlineSeconds).toBe(600);
  const ids = [unbound, later].map((pod) => pod['metadata'].uid).join(',');
  await throughout(
    'no wrapper, nothing runs again',
    async () => {
      const wrappers = await rome.json(['-n', shop.twin, 'get', 'replicasets', '-l', `tombolo.io/pod-uid in (${ids})`]);
      const phases = (await shop.remotePods(later['metadata'].uid)).map((pod) => pod['status'].phase);
      return wrappers['items'].length === 0 && phases.every((phase) => phase === 'Failed');
    },
    3_000,
  );
  expect(statusOf(await shop.pod('unbound'))['restartCount']).toBe(0);
});

test('POD-62 kubectl debug -it runs in the living remote pod with its processes; nothing restarts', async () => {
  await shop.create(remotePod('sick', { containers: [sleeper()] }));
  const local = await running('sick');
  const before = await remoteOf(local);
  const kubectl = `${bed.folder}/bin/kubectl --kubeconfig ${milan.kubeconfig} -n ${shop.name}`;
  const inside = 'read line; echo "heard $line"; tr "\\\\000" " " < /proc/1/cmdline; sleep 1';
  const debug = `${kubectl} debug -it sick --image ${BUSYBOX} --target main -c doctor -- sh -c '${inside}'`;
  const session = await call('script', ['--quiet', '--return', '--command', debug, '/dev/null'], { stdin: 'hello\n' });
  expect(session.stdout).toContain('heard hello');
  expect(session.stdout, 'the first process of the target').toContain('trap "exit 0" TERM');
  const doctor = await until('the end of it', async () => {
    const [status] = (await shop.pod('sick'))?.['status'].ephemeralContainerStatuses ?? [];
    return status?.state.terminated !== undefined && (status as Json);
  });
  expect(doctor).toMatchObject({ name: 'doctor', state: { terminated: { exitCode: 0 } } });
  expect((await remoteOf(local))['metadata'].uid).toBe(before['metadata'].uid);
  expect(statusOf(await shop.pod('sick'))['restartCount']).toBe(0);
  expect((await recreated('sick'))['spec'].ephemeralContainers).toBeUndefined();
});

test('POD-63 a resize happens in place and is kept; beyond the grant the pod runs on and says why', async () => {
  const sizes = (cpu: string) => ({ requests: { cpu, memory: '32Mi' }, limits: { cpu, memory: '64Mi' } });
  await shop.create(
    remotePod('sized', { containers: [sleeper({ resources: sizes('100m') })] }),
    remotePod('neighbour', { containers: [sleeper({ resources: { requests: { cpu: '50m' } } })] }),
  );
  const local = await running('sized');
  await running('neighbour');
  const before = await remoteOf(local);
  const resize = (cpu: string) =>
    patch('sized', { containers: [{ name: 'main', resources: sizes(cpu) }] }, '--subresource', 'resize');
  const hasSize = (cpu: string) => async () => {
    const pod = await shop.pod('sized');
    return statusOf(pod)['resources']?.limits?.cpu === cpu && pod;
  };
  const waiting = (reason: string) =>
    until(`resize is ${reason}`, async () => {
      const pending = condition(await shop.pod('sized'), 'PodResizePending');
      return pending?.['reason'] === reason && (pending['message'] as string);
    });

  await resize('150m');
  expect(statusOf(await until('resized', hasSize('150m')))['restartCount']).toBe(0);
  expect((await remoteOf(local))['metadata'].uid).toBe(before['metadata'].uid);

  const granted = Number((await milan.json('get virtualnode rome'))['status'].granted.cpu);
  await resize(`${granted + 1}`);
  expect(await waiting('Infeasible')).toMatch(new RegExp(`^rome: cpu: asked ${granted + 1}, .*granted ${granted}$`));
  await resize(`${granted}`);
  expect(await waiting('Deferred')).toMatch(new RegExp(`^rome: cpu: asked ${granted}, .*granted ${granted}$`));
  expect(isReady(await shop.pod('sized'))).toBe(true);
  expect((await recreated('sized'))['spec'].containers[0].resources.limits.cpu).toBe('150m');

  await resize('120m');
  await until('resized again', hasSize('120m'));
  await until('nothing waits', async () => condition(await shop.pod('sized'), 'PodResizePending') === undefined);
});

test('POD-10 a resource that is on the node and not in the grant is left out there', async () => {
  const amounts = (value: string | null) => ({ capacity: widget(value), allocatable: widget(value) });
  const widget = (value: string | null) => ({ 'tombolo.test/widget': value });
  const setOnNode = (value: string | null) =>
    milan.kubectl([
      ...'patch node rome --subresource=status --type=merge -p'.split(' '),
      JSON.stringify({ status: amounts(value) }),
    ]);
  await setOnNode('3');
  try {
    const resources = { requests: { cpu: '10m', ...widget('2') }, limits: widget('2') };
    await shop.create(remotePod('widgets', { containers: [sleeper({ resources })] }));
    const local = await running('widgets');
    expect(local['spec'].containers[0].resources).toEqual(resources);
    const remote = await remoteOf(local);
    expect(remote['spec'].containers[0].resources).toEqual({ requests: { cpu: '10m' } });
  } finally {
    await setOnNode(null);
  }
});

test('POD-76 a pod whose claim is bound to storage of home names the claim', async () => {
  const storage = { storageClassName: '', accessModes: ['ReadWriteOnce'] };
  const volumeName = `${shop.name}-disk`;
  try {
    await milan.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: volumeName },
      spec: { ...storage, capacity: { storage: '1Mi' }, hostPath: { path: `/tmp/${volumeName}` } },
    });
    await shop.create(
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'disk' },
        spec: { ...storage, volumeName, resources: { requests: { storage: '1Mi' } } },
      },
      remotePod('keeper', {
        containers: [sleeper({ volumeMounts: [{ name: 'data', mountPath: '/data' }] })],
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'disk' } }],
      }),
    );
    expect(await shop.whyNot('keeper', 'VolumeNotThere')).toMatch(/^rome: claim "disk" is not there/);
    expect(condition(await shop.pod('keeper'), 'PodScheduled')?.['status']).toBe('True');
  } finally {
    await milan.try(['-n', shop.name, 'delete', 'pod/keeper', 'pvc/disk', '--wait=false']);
    await milan.try(['delete', 'pv', volumeName, '--wait=false']);
  }
});

// Last: what runs beside the API server there takes its time to come back.
test('POD-61 what changed while the link was down is applied once after it is back', async () => {
  await shop.create(remotePod('away', { containers: [sleeper()] }));
  const local = await running('away');
  const before = await remoteOf(local);
  await bed.control(['stop', 'rome', 'apiserver', '--kill']);
  try {
    await patch('away', {
      containers: [{ name: 'main', image: otherImage }],
      tolerations: [...local['spec'].tolerations, lent],
    });
    await milan.kubectl(['-n', shop.name, 'label', 'pod', 'away', 'changed=meanwhile']);
  } finally {
    await bed.control(['start', 'rome', 'apiserver']);
  }
  const count = async () => statusOf(await shop.pod('away'))['restartCount'];
  await until('restarted', async () => (await count()) === 1, 60_000);
  await throughout('once', async () => (await count()) === 1, 3_000);
  const after = await remoteOf(local);
  expect(after['metadata'].uid).toBe(before['metadata'].uid);
  expect(after['metadata'].labels['changed']).toBe('meanwhile');
  expect(after['spec'].containers[0].image).toBe(otherImage);
  expect(after['spec'].tolerations.filter(({ key }: Json) => key === lent.key)).toEqual([lent]);
});
