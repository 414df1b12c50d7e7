import { expect, test } from 'vitest';
import { CONFIG_MAP, type Event, KubeError, type KubeObject, type Ref, type Resource } from '#pkg/kube';
import { createQueue, fakeClock, runReconciler, silentLog } from '#pkg/runtime';
import { eventRelay } from './event-relay.ts';
import { originFinder } from './find-origin.ts';

const refused = (code: 'NotFound' | 'AlreadyExists' | 'Forbidden', status: number) =>
  new KubeError(code, { attempted: 'do it', where: 'https://x', why: 'it is so', status });
const ours = (name: string, labels: object = {}, annotations = {}) => ({
  metadata: {
    name,
    namespace: 'shop-milan',
    uid: `there-${name}`,
    labels: { 'tombolo.io/origin': 'milan', ...labels },
    annotations,
  },
});
const pod = (name: string, home: string) =>
  ours(name, { 'tombolo.io/pod-uid': `uid-${home}` }, { 'tombolo.io/home-name': home });

/** Events here as `kubectl get events` would show them, and each write as a line. */
function bed(there: Readonly<Record<string, KubeObject>>) {
  const clock = fakeClock();
  const stored = new Map<string, Event>();
  const writes: { atMs: number; line: string }[] = [];
  const locals = new Set<string>();
  let asked = 0;
  let refusal: KubeError | undefined;
  const wrote = (verb: string, name: string) => {
    if (refusal !== undefined) throw refusal;
    writes.push({ atMs: clock.now(), line: `${verb} ${name.slice(0, name.lastIndexOf('.'))}` });
  };
  const client = {
    async get<T extends KubeObject>(resource: Resource<T>, { name }: Ref): Promise<T> {
      asked++;
      const found = there[`${resource.kind}/${name}`];
      if (found === undefined) throw refused('NotFound', 404);
      return found as T;
    },
    async create<T extends KubeObject>(_: Resource<T>, object: T): Promise<T> {
      const { name } = object.metadata;
      if (stored.has(name)) throw refused('AlreadyExists', 409);
      wrote('create', name);
      stored.set(name, object as unknown as Event);
      return object;
    },
    async patch<T extends KubeObject>(_: Resource<T>, { name }: Ref, body: unknown): Promise<T> {
      const old = stored.get(name);
      if (old === undefined) throw refused('NotFound', 404);
      wrote('patch', name);
      stored.set(name, { ...old, ...(body as object) });
      return stored.get(name) as unknown as T;
    },
  };
  const start = () =>
    eventRelay({
      peer: 'rome',
      client,
      origins: originFinder({ cluster: { client }, origin: 'milan' }, [CONFIG_MAP]),
      homeOf: (twin) => (twin === 'shop-milan' ? 'shop' : undefined),
      localOf: ({ kind }, key) => {
        const name = key.slice(key.indexOf('/') + 1);
        return locals.has(`${kind}/${name}`)
          ? { metadata: { name, namespace: 'shop', uid: `uid-${name}` } }
          : undefined;
      },
      clock,
      log: silentLog,
    });
  const abort = new AbortController();
  const queue = createQueue({ name: 'test', clock });
  let relay = start();
  const reconciler = { name: 'test', reconcile: (key: string, s: AbortSignal) => relay.reconciler.reconcile(key, s) };
  const ended = runReconciler(reconciler, { queue, signal: abort.signal, log: silentLog, clock });
  let serial = 0;
  return {
    clock,
    writes,
    stored,
    local: (...names: string[]) => names.forEach((name) => locals.add(name)),
    asked: () => asked,
    refuse: (error: KubeError | undefined) => (refusal = error),
    restart: () => (relay = start()),
    /** `on` is `kind/name` there. */
    see(on: string, more: Partial<Event> & { uid?: string; isInitial?: boolean } = {}) {
      const [kind = '', name = ''] = on.split('/');
      const { uid = `event-${++serial}`, isInitial = false, ...fields } = more;
      const apiVersion = kind === 'ReplicaSet' ? 'apps/v1' : 'v1';
      const taken = relay.take(
        {
          metadata: { name: uid, namespace: 'shop-milan', uid },
          involvedObject: { apiVersion, kind, name, namespace: 'shop-milan', uid: `there-${name}` },
          type: 'Warning',
          reason: 'BackOff',
          message: 'again',
          source: { component: 'kubelet' },
          count: 1,
          lastTimestamp: clock.wall().toISOString(),
          ...fields,
        },
        isInitial,
      );
      if (taken !== undefined) queue.add(taken.key, { priority: taken.priority });
    },
    async [Symbol.asyncDispose]() {
      abort.abort(new Error('over'));
      await ended;
      queue[Symbol.dispose]();
    },
  };
}

const SHOP = {
  'Pod/web-x7': pod('web-x7', 'web'),
  'ReplicaSet/web': pod('web', 'web'),
  'ConfigMap/tombolo-home-root-ca': ours('tombolo-home-root-ca', {}, { 'tombolo.io/home-name': 'kube-root-ca.crt' }),
  'ConfigMap/theirs': { metadata: { name: 'theirs', namespace: 'shop-milan', uid: 'there-theirs' } },
};

test('events about a remote pod, its wrapper and the copy of an object are told on the object at home', async () => {
  await using shop = bed(SHOP);
  shop.local('Pod/web', 'ConfigMap/kube-root-ca.crt', 'ConfigMap/theirs');
  for (const on of Object.keys(SHOP)) shop.see(on);
  await shop.clock.advance(3_000);
  expect([...shop.stored.values()].map(({ involvedObject }) => [involvedObject.kind, involvedObject.uid])).toEqual([
    ['Pod', 'uid-web'],
    ['ConfigMap', 'uid-kube-root-ca.crt'],
    ['Pod', 'uid-web'],
  ]);
});

test('nothing is told without an object at home; one that our cache shows late is waited for', async () => {
  await using shop = bed(SHOP);
  shop.see('Pod/web-x7');
  shop.see('Pod/gone');
  shop.see('Node/web-x7');
  await shop.clock.advance(3_000);
  expect(shop.writes).toEqual([]);
  shop.local('Pod/web', 'Pod/gone');
  await shop.clock.advance(3_000);
  expect(shop.writes.map(({ line }) => line)).toEqual(['create web']);
  shop.see('ConfigMap/tombolo-home-root-ca');
  await shop.clock.advance(60_000);
  shop.local('ConfigMap/kube-root-ca.crt');
  await shop.clock.advance(60_000);
  expect(shop.writes).toHaveLength(1);
});

test('counts follow, with at most one write a second about one object', async () => {
  await using shop = bed(SHOP);
  shop.local('Pod/web');
  for (let count = 1; count <= 40; count++) {
    shop.see('Pod/web-x7', { uid: 'a', count });
    if (count % 4 === 0) shop.see('ReplicaSet/web', { uid: 'b', count });
    await shop.clock.advance(100);
  }
  await shop.clock.advance(5_000);
  expect([...shop.stored.values()].map(({ count }) => count)).toEqual([40, 40]);
  const times = shop.writes.map(({ atMs }) => atMs);
  times.slice(1).forEach((at, index) => expect(at - (times[index] ?? 0)).toBeGreaterThanOrEqual(1_000));
  const before = shop.writes.length;
  shop.see('Pod/web-x7', {
    uid: 'a',
    count: 40,
    lastTimestamp: shop.stored.values().next().value?.lastTimestamp ?? '',
  });
  await shop.clock.advance(5_000);
  expect(shop.writes).toHaveLength(before);
  expect(shop.asked()).toBe(2);
});

test('of a burst all warnings are told, and of what goes well a few', async () => {
  const names = Array.from({ length: 300 }, (_, index) => `p${index}`);
  await using shop = bed(Object.fromEntries(names.map((name) => [`Pod/${name}`, pod(name, name)])));
  shop.local(...names.map((name) => `Pod/${name}`));
  for (const name of names) {
    for (const reason of ['Scheduled', 'Pulled', 'Created', 'Started'])
      shop.see(`Pod/${name}`, { type: 'Normal', reason });
    shop.see(`Pod/${name}`);
  }
  await shop.clock.advance(30_000);
  const told = [...shop.stored.values()].map(({ type }) => type);
  expect(told.filter((type) => type === 'Warning')).toHaveLength(300);
  expect(told.filter((type) => type === 'Normal')).toHaveLength(50);
  shop.see('Pod/p1', { type: 'Normal', reason: 'Pulling' });
  await shop.clock.advance(1_000);
  expect(shop.stored.size).toBe(351);
});

test('a process that reads everything again counts up what stands, and tells nothing old', async () => {
  await using shop = bed(SHOP);
  shop.local('Pod/web');
  shop.see('Pod/web-x7', { uid: 'a', count: 3 });
  await shop.clock.advance(1_000);
  shop.restart();
  const old = new Date(shop.clock.wall().getTime() - 10 * 60_000).toISOString();
  shop.see('Pod/web-x7', { uid: 'a', count: 5, isInitial: true });
  shop.see('Pod/web-x7', { uid: 'old', lastTimestamp: old, isInitial: true });
  await shop.clock.advance(3_000);
  expect(shop.writes.map(({ line }) => line)).toEqual(['create web', 'patch web']);
  expect([...shop.stored.values()].map(({ count }) => count)).toEqual([5]);
});

test('one that has expired here is written anew; where the namespace ends nothing is tried again', async () => {
  await using shop = bed(SHOP);
  shop.local('Pod/web');
  shop.see('Pod/web-x7', { uid: 'a' });
  await shop.clock.advance(2_000);
  shop.stored.clear();
  shop.see('Pod/web-x7', { uid: 'a', count: 2 });
  await shop.clock.advance(2_000);
  expect(shop.writes.map(({ line }) => line)).toEqual(['create web', 'create web']);
  shop.refuse(refused('Forbidden', 403));
  shop.see('Pod/web-x7', { uid: 'b' });
  await shop.clock.advance(2_000);
  shop.refuse(undefined);
  await shop.clock.advance(60_000);
  expect(shop.writes).toHaveLength(2);
});
