import { expect, test } from 'vitest';
import { type Cluster, KubeError, POD, REPLICA_SET, type Resource } from '#pkg/kube';
import { until } from '../../tests/until.ts';
import { podBed } from './pod-bed.ts';

const IMAGE = 'tombolo.test/busybox:1';

/** Carries out each creation, and loses the answer to the first one of every object. */
function losesAnswers(cluster: Cluster): Cluster {
  const lost = new Set<string>();
  const create: Cluster['client']['create'] = async (resource, object, options) => {
    const answer = await cluster.client.create(resource, object, options);
    const key = `${resource.kind} ${object.metadata.name}`;
    if (resource.kind === 'Secret' || lost.has(key)) return answer;
    lost.add(key);
    throw new KubeError('Unreachable', { attempted: 'create', where: key, why: 'the connection broke', status: 0 });
  };
  const client = new Proxy(cluster.client, {
    get: (target, name, receiver) => (name === 'create' ? create : Reflect.get(target, name, receiver)),
  });
  return new Proxy(cluster, {
    get: (target, name, receiver) => (name === 'client' ? client : Reflect.get(target, name, receiver)),
  });
}

test('POD-41 one remote pod per local UID where answers are lost and two replicas believe that the node is theirs', async () => {
  await using bed = await podBed('twice', { through: losesAnswers, replicas: 2 });
  const stop = new AbortController();
  // Every remote pod and wrapper that was ever there, by UID of the local pod.
  const seen = new Map<string, Set<string>>();
  const watch = (resource: Resource) => {
    const informer = bed.provider.informer(resource, { namespace: bed.twin, labelSelector: 'tombolo.io/pod-uid' });
    informer.on((_old, current) => {
      const { labels, uid = '' } = current?.metadata ?? {};
      const key = `${resource.kind} ${labels?.['tombolo.io/pod-uid']}`;
      if (labels !== undefined) seen.set(key, (seen.get(key) ?? new Set()).add(uid));
    });
    return informer.run(stop.signal);
  };
  const watching = Promise.all([watch(POD as Resource), watch(REPLICA_SET as Resource)]);
  const numbers = [1, 2, 3, 4, 5, 6];
  const always = await Promise.all(
    numbers.map((number) =>
      bed.create({
        metadata: { name: `always-${number}` },
        spec: { containers: [{ name: 'app', image: IMAGE, command: ['sleep', '3600'] }] },
      }),
    ),
  );
  const once = await Promise.all(
    numbers.map((number) =>
      bed.create({
        metadata: { name: `once-${number}` },
        spec: { restartPolicy: 'Never', containers: [{ name: 'app', image: IMAGE, command: ['true'] }] },
      }),
    ),
  );
  const phases = async () =>
    (await bed.home.client.list(POD, { namespace: bed.namespace })).items.map(({ status }) => status?.phase).sort();
  const wanted = [...numbers.map(() => 'Running'), ...numbers.map(() => 'Succeeded')];
  await until('all run or have run', async () => (await phases()).join() === wanted.join(), 60_000);
  await bed.restart();
  await until('nothing is under way', async () => (await phases()).join() === wanted.join());
  stop.abort(new Error('over'));
  await watching;
  const counts = (kind: string, pods: typeof once) =>
    pods.map(({ metadata }) => seen.get(`${kind} ${metadata.uid}`)?.size ?? 0);
  expect(counts('Pod', always)).toEqual(numbers.map(() => 1));
  expect(counts('ReplicaSet', always)).toEqual(numbers.map(() => 1));
  expect(counts('Pod', once)).toEqual(numbers.map(() => 1));
  expect(counts('ReplicaSet', once)).toEqual(numbers.map(() => 0));
});
