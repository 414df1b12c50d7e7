import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DEPLOYMENT, EVENT, JOB, type Pod, POD, REPLICA_SET, STATEFUL_SET } from '#pkg/kube';
import { until } from '../../tests/until.ts';
import { found, type PodBed, podBed } from './pod-bed.ts';

const IMAGE = 'tombolo.test/busybox:1';
const sleeper = { name: 'app', image: IMAGE, command: ['sleep', '3600'] };
const toleration = { key: 'tombolo.io/virtual-node', operator: 'Exists' };

let bed: PodBed;
beforeAll(async () => {
  bed = await podBed('pod');
});
afterEach(() => {
  bed.grant = {};
});
afterAll(async () => {
  await bed[Symbol.asyncDispose]();
});

const isReady = (pod: Pod | undefined) =>
  pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
const isGone = (name: string) => async () => (await bed.local(name)) === undefined;
const inPhase = (name: string, phase: string) =>
  until(`${name} is ${phase}`, async () => {
    const pod = await bed.local(name);
    return pod?.status?.phase === phase && pod;
  });
const offloaded = (pod: Pod | undefined) =>
  pod?.status?.conditions?.find(({ type }) => type === 'tombolo.io/Offloaded');
const refusedAs = (name: string, reason: string) =>
  until(`${name} says ${reason}`, async () => {
    const condition = offloaded(await bed.local(name));
    return condition?.reason === reason && condition.message;
  });
const readyPod = (name: string) =>
  until(`${name} is Ready`, async () => {
    const pod = await bed.local(name);
    return isReady(pod) && pod;
  });
const uidOf = (pod: Pod) => pod.metadata.uid ?? '';

describe('pods between two real clusters', () => {
  test('POD-01 POD-15 POD-11 an Always pod is one ReplicaSet of 1 with one pod, and its status comes back', async () => {
    const created = await bed.create({ metadata: { name: 'plain' }, spec: { containers: [sleeper] } });
    const local = await readyPod('plain');
    const [remote, ...more] = await bed.remotes(uidOf(created));
    expect(more).toEqual([]);
    expect((await bed.wrappers()).map(({ metadata, spec }) => [metadata.name, spec?.replicas])).toEqual([['plain', 1]]);
    expect(local.status?.containerStatuses).toEqual(remote?.status?.containerStatuses);
    expect(local.status?.startTime).toBe(remote?.status?.startTime);
    expect(local.status?.hostIP).toBe('198.18.0.99');
    expect(local.status?.podIP).toBeUndefined();
    expect(offloaded(local)?.message).toContain(remote?.metadata.uid);
    expect(bed.pods.remote(`${bed.namespace}/plain`)).toEqual({ namespace: bed.twin, name: remote?.metadata.name });
  });

  test('POD-28 a pod that does not change is not written', async () => {
    const before = await readyPod('plain');
    const [remote] = await bed.remotes(uidOf(before));
    await new Promise((next) => setTimeout(next, 15_000));
    expect((await bed.local('plain'))?.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect((await bed.remotes(uidOf(before)))[0]?.metadata.resourceVersion).toBe(remote?.metadata.resourceVersion);
  });

  test('POD-58 labels and annotations follow on the living pod', async () => {
    const local = await readyPod('plain');
    const ref = { namespace: bed.namespace, name: 'plain' };
    const labels = { color: 'red', 'argocd.argoproj.io/instance': 'x' };
    await bed.home.client.patch(POD, ref, { metadata: { labels, annotations: { note: 'a/b~c' } } }, { type: 'merge' });
    const changed = await until('the remote pod follows', async () => {
      const [remote] = await bed.remotes(uidOf(local));
      return remote?.metadata.labels?.['color'] === 'red' && remote;
    });
    expect(changed.metadata.annotations?.['note']).toBe('a/b~c');
    expect(changed.metadata.labels).not.toHaveProperty('argocd.argoproj.io/instance');
    await bed.home.client.patch(POD, ref, { metadata: { labels: { color: null } } }, { type: 'merge' });
    await until('the label goes', async () => {
      const [remote] = await bed.remotes(uidOf(local));
      return remote?.metadata.labels?.['color'] === undefined;
    });
    await until('the template follows', async () => {
      const wrapper = (await bed.wrappers()).find(({ metadata }) => metadata.name === 'plain');
      return wrapper?.spec?.template?.metadata?.annotations?.['note'] === 'a/b~c';
    });
    expect((await bed.remotes(uidOf(local)))[0]?.metadata.uid).toBe(changed.metadata.uid);
  });

  test('POD-18 POD-19 a pod that is deleted there runs again, counts go on, also over a restart of ours', async () => {
    const local = await readyPod('plain');
    const remove = async () => {
      const [remote] = (await bed.remotes(uidOf(local))).filter((pod) => pod.metadata.deletionTimestamp === undefined);
      const { name = '' } = remote?.metadata ?? {};
      await bed.provider.client.delete(POD, { namespace: bed.twin, name }, { gracePeriodSeconds: 1 });
    };
    const showsCount = (count: number) =>
      until(`restartCount ${count}`, async () => {
        const pod = await bed.local('plain');
        return isReady(pod) && pod?.status?.containerStatuses?.[0]?.restartCount === count && pod;
      });
    await remove();
    expect((await showsCount(1)).metadata.uid).toBe(local.metadata.uid);
    await bed.restart(remove);
    await showsCount(2);
    await bed.restart();
    await new Promise((next) => setTimeout(next, 3_000));
    await showsCount(2);
    const events = await bed.home.client.list(EVENT, { namespace: bed.namespace });
    expect(
      events.items.some(
        ({ reason, involvedObject }) => reason === 'RemoteRecreated' && involvedObject.name === 'plain',
      ),
    ).toBe(true);
  });

  test('POD-36 a wrapper that is deleted there comes back', async () => {
    const local = await readyPod('plain');
    const living = async () =>
      (await bed.remotes(uidOf(local))).find((pod) => pod.metadata.deletionTimestamp === undefined);
    const before = await until('one remote pod', living);
    const ref = { namespace: bed.twin, name: 'plain' };
    await bed.provider.client.delete(REPLICA_SET, ref, { propagationPolicy: 'Background' });
    await until('a new remote pod', async () => {
      const now = await living();
      return now !== undefined && now.metadata.uid !== before.metadata.uid && isReady(now);
    });
    await until('shown', async () =>
      offloaded(await bed.local('plain'))?.message?.includes((await living())?.metadata.uid ?? '?'),
    );
    expect((await readyPod('plain')).metadata.uid).toBe(local.metadata.uid);
  });

  test('POD-30 a deleted pod goes there with its grace, and here only after it', async () => {
    const local = await readyPod('plain');
    const order: string[] = [];
    await bed.home.client.delete(POD, { namespace: bed.namespace, name: 'plain' }, { gracePeriodSeconds: 2 });
    await until('gone on both sides', async () => {
      if ((await bed.remotes(uidOf(local))).length === 0 && !order.includes('there')) order.push('there');
      if ((await bed.local('plain')) === undefined) order.push('here');
      return order.includes('here');
    });
    expect(order).toEqual(['there', 'here']);
    expect(await bed.wrappers()).toEqual([]);
  });

  test('POD-02 POD-21 a Job pod is bare, runs once, and its end comes back', async () => {
    const template = {
      spec: {
        restartPolicy: 'Never',
        nodeSelector: { 'kubernetes.io/hostname': bed.nodeName },
        tolerations: [toleration],
        containers: [
          { name: 'app', image: IMAGE, command: ['sh', '-c', 'echo last > /dev/termination-log; exit $(( 3 - 3 ))'] },
        ],
      },
    };
    await bed.home.client.create(JOB, {
      metadata: { name: 'count', namespace: bed.namespace },
      spec: { completions: 3, parallelism: 3, completionMode: 'Indexed', template },
    });
    await until(
      'the Job is complete',
      async () => {
        const job = await bed.home.client.get(JOB, { namespace: bed.namespace, name: 'count' });
        return job.status?.succeeded === 3;
      },
      60_000,
    );
    const pods = (await bed.home.client.list(POD, { namespace: bed.namespace, labelSelector: 'job-name=count' })).items;
    expect(pods.map((pod) => pod.status?.phase)).toEqual(['Succeeded', 'Succeeded', 'Succeeded']);
    expect(pods[0]?.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 0,
      message: 'last\n',
    });
    expect(await bed.wrappers()).toEqual([]);
  });

  test('POD-37 POD-38 a finished pod does not run again after its remote pod and our process are gone', async () => {
    const before = (await bed.home.client.list(POD, { namespace: bed.namespace, labelSelector: 'job-name=count' }))
      .items;
    await bed.restart(async () => {
      await bed.provider.client.deleteCollection(POD, { namespace: bed.twin });
    });
    await new Promise((next) => setTimeout(next, 4_000));
    const after = (await bed.home.client.list(POD, { namespace: bed.namespace, labelSelector: 'job-name=count' }))
      .items;
    expect(after.map((pod) => pod.metadata.resourceVersion)).toEqual(before.map((pod) => pod.metadata.resourceVersion));
    expect((await bed.provider.client.list(POD, { namespace: bed.twin })).items).toEqual([]);
    await bed.home.client.delete(JOB, { namespace: bed.namespace, name: 'count' }, { propagationPolicy: 'Background' });
    await until(
      'its pods are gone',
      async () =>
        (await bed.home.client.list(POD, { namespace: bed.namespace, labelSelector: 'job-name=count' })).items
          .length === 0,
    );
  });

  test('POD-24 a pod that ran once and is force-deleted there ends as RemotePodLost', async () => {
    const local = await bed.create({
      metadata: { name: 'lost' },
      spec: { restartPolicy: 'Never', containers: [sleeper] },
    });
    await inPhase('lost', 'Running');
    await bed.provider.client.delete(POD, { namespace: bed.twin, name: 'lost' }, { gracePeriodSeconds: 0 });
    const failed = await inPhase('lost', 'Failed');
    expect(failed.status?.reason).toBe('RemotePodLost');
    await until('nothing is left of it', async () => (await bed.remotes(uidOf(local))).length === 0);
    await bed.home.client.delete(POD, { namespace: bed.namespace, name: 'lost' });
    await until('gone', isGone('lost'));
  });

  test('Deployment and StatefulSet are scheduled and run', async () => {
    const template = (app: string) => ({
      metadata: { labels: { app } },
      spec: {
        nodeSelector: { 'kubernetes.io/hostname': bed.nodeName },
        tolerations: [toleration],
        containers: [sleeper],
        terminationGracePeriodSeconds: 1,
      },
    });
    const selector = (app: string) => ({ matchLabels: { app } });
    const { namespace } = bed;
    await bed.home.client.create(DEPLOYMENT, {
      metadata: { name: 'web', namespace },
      spec: { replicas: 3, selector: selector('web'), template: template('web') },
    });
    await bed.home.client.create(STATEFUL_SET, {
      metadata: { name: 'db', namespace },
      spec: { replicas: 2, serviceName: 'db', selector: selector('db'), template: template('db') },
    });
    await until(
      'all ready',
      async () => {
        const web = await bed.home.client.get(DEPLOYMENT, { namespace, name: 'web' });
        const db = await bed.home.client.get(STATEFUL_SET, { namespace, name: 'db' });
        return web.status?.readyReplicas === 3 && db.status?.readyReplicas === 2;
      },
      60_000,
    );
    expect((await bed.wrappers()).length).toBe(3);
    const [db0] = (await bed.provider.client.list(POD, { namespace: bed.twin, labelSelector: 'app=db' })).items;
    expect(db0?.metadata.name).toBe('db-0');
    expect(db0?.spec?.hostname).toBe('db-0');
    // POD-34: same name, new UID, forced away at home.
    await bed.home.client.delete(POD, { namespace, name: 'db-0' }, { gracePeriodSeconds: 0 });
    const next = await until('a new db-0 is ready', async () => {
      const pod = await bed.local('db-0');
      return isReady(pod) && pod?.metadata.uid !== db0?.metadata.labels?.['tombolo.io/pod-uid'] && pod;
    });
    expect((await bed.remotes(uidOf(next))).length).toBe(1);
    await bed.home.client.delete(STATEFUL_SET, { namespace, name: 'db' }, { propagationPolicy: 'Background' });
    await bed.home.client.delete(DEPLOYMENT, { namespace, name: 'web' }, { propagationPolicy: 'Background' });
    await until(
      'nothing is left there',
      async () => (await bed.provider.client.list(POD, { namespace: bed.twin })).items.length === 0,
      60_000,
    );
    expect(await bed.wrappers()).toEqual([]);
  });

  test('POD-07 POD-32 what Pod Security refuses is named, and goes at once when deleted', async () => {
    await bed.create({ metadata: { name: 'host' }, spec: { hostNetwork: true, containers: [sleeper] } });
    await bed.create({
      metadata: { name: 'host-once' },
      spec: { restartPolicy: 'Never', hostPID: true, containers: [sleeper] },
    });
    expect(await refusedAs('host', 'PodSecurity')).toContain('hostNetwork=true');
    expect(await refusedAs('host-once', 'PodSecurity')).toContain('hostPID=true');
    for (const name of ['host', 'host-once']) {
      await bed.home.client.delete(POD, { namespace: bed.namespace, name });
      await until(`${name} is gone`, isGone(name), 10_000);
    }
  });

  test('POD-73 POD-74 images and references that are missing are named; it starts when they are there', async () => {
    await bed.create({
      metadata: { name: 'no-image' },
      spec: { containers: [{ ...sleeper, image: 'tombolo.test/none:1', imagePullPolicy: 'Never' }] },
    });
    const volumes = [{ name: 'v', configMap: { name: 'settings' } }];
    const mounting = { ...sleeper, volumeMounts: [{ name: 'v', mountPath: '/v' }] };
    await bed.create({ metadata: { name: 'no-map' }, spec: { containers: [mounting], volumes } });
    expect(await refusedAs('no-image', 'ImagePull')).toContain('tombolo.test/none:1');
    expect(await refusedAs('no-map', 'MissingReference')).toContain('settings');
    await bed.provider.client.create(
      { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true },
      { metadata: { name: 'settings', namespace: bed.twin } },
    );
    await until('starts', async () => offloaded(await bed.local('no-map'))?.status === 'True', 120_000);
    for (const name of ['no-image', 'no-map'])
      await bed.home.client.delete(POD, { namespace: bed.namespace, name }, { gracePeriodSeconds: 1 });
    for (const name of ['no-image', 'no-map']) await until(`${name} is gone`, isGone(name));
  });

  test('POD-70 POD-71 a grant that is too small or cordoned is named; the pod starts when there is room', async () => {
    bed.grant = { granted: { cpu: '10m', pods: '5' } };
    const containers = [{ ...sleeper, resources: { requests: { cpu: '20m' } } }];
    await bed.create({ metadata: { name: 'big' }, spec: { containers } });
    expect(await refusedAs('big', 'GrantExceeded')).toBe('rome: cpu: asked 20m, free 10m, granted 10m');
    bed.grant = { granted: { cpu: '4', pods: '5' }, cordoned: true };
    expect(await refusedAs('big', 'GrantCordoned')).toContain('cordoned');
    expect((await bed.wrappers()).filter(({ metadata }) => metadata.name === 'big')).toEqual([]);
    bed.grant = {};
    await readyPod('big');
    await bed.home.client.delete(POD, { namespace: bed.namespace, name: 'big' }, { gracePeriodSeconds: 1 });
    await until('gone', isGone('big'));
  });

  test('POD-35 an object of somebody else is never touched, and the pod starts when it is gone', async () => {
    const name = 'taken';
    const foreign = await bed.provider.client.create(REPLICA_SET, {
      metadata: { name, namespace: bed.twin },
      spec: {
        replicas: 0,
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [sleeper] } },
      },
    });
    await bed.create({ metadata: { name }, spec: { containers: [sleeper] } });
    await refusedAs(name, 'NameTaken');
    const standing = await bed.provider.client.get(REPLICA_SET, { namespace: bed.twin, name });
    expect(standing.metadata.uid).toBe(foreign.metadata.uid);
    await bed.provider.client.delete(REPLICA_SET, { namespace: bed.twin, name });
    await readyPod(name);
    await bed.home.client.delete(POD, { namespace: bed.namespace, name }, { gracePeriodSeconds: 1 });
    await until('gone', isGone(name));
  });

  test('POD-31 POD-33 what is force-deleted, also while we are down, is cleaned there', async () => {
    const first = await bed.create({ metadata: { name: 'forced' }, spec: { containers: [sleeper] } });
    const second = await bed.create({ metadata: { name: 'away' }, spec: { containers: [sleeper] } });
    await readyPod('forced');
    await readyPod('away');
    const force = (name: string) =>
      bed.home.client.delete(POD, { namespace: bed.namespace, name }, { gracePeriodSeconds: 0 });
    await force('forced');
    await until('forced is gone there', async () => (await bed.remotes(uidOf(first))).length === 0, 12_000);
    await bed.restart(() => force('away'));
    await until('away is gone there', async () => (await bed.remotes(uidOf(second))).length === 0, 15_000);
    expect(await bed.wrappers()).toEqual([]);
  });

  test('POD-12 a namespace that is not offloaded has nothing there; it starts once it is', async () => {
    const twin = { namespace: bed.twin, state: 'Accepted', reason: 'Accepted', message: '' } as const;
    bed.setTwin(undefined);
    const local = await bed.create({ metadata: { name: 'later' }, spec: { containers: [sleeper] } });
    await refusedAs('later', 'NotOffloaded');
    expect(await bed.remotes(uidOf(local))).toEqual([]);
    bed.setTwin(twin);
    await readyPod('later');
  });

  test('pods are not ready while their node is not', async () => {
    bed.setReady(false);
    await until('not ready', async () => !isReady(await bed.local('later')));
    bed.setReady(true);
    await readyPod('later');
    expect(await found(bed.home.client.get(POD, { namespace: bed.namespace, name: 'later' }))).toBeDefined();
  });
});
