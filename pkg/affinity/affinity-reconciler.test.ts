import { expect, test } from 'vitest';
import { type EndpointSlice, KubeError, type KubeClient, type KubeErrorCode, type Service } from '#pkg/kube';
import { affinityReconciler, isUnwantedInTwin, keepHidden, serviceKeyOf, type Side } from './index.ts';

type Endpoint = EndpointSlice['endpoints'][number];

const NATIVE = 'endpointslice-controller.k8s.io';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const HEADLESS = 'service.kubernetes.io/headless';

const at = (nodeName: string, ready = true): Endpoint => ({
  addresses: [`10.0.0.${nodeName.length}`],
  nodeName,
  conditions: { ready, serving: ready, terminating: false },
  zone: 'a',
  targetRef: { kind: 'Pod', name: nodeName, namespace: 'shop' },
});
const slice = (name: string, endpoints: Endpoint[], manager = NATIVE): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name,
    namespace: 'shop',
    uid: `uid of ${name}`,
    labels: { 'kubernetes.io/service-name': 'web', [MANAGED_BY]: manager, app: 'web' },
    annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': 'now' },
  },
  addressType: 'IPv4',
  endpoints,
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
});

/** One namespace with the Service `web`, as an API server holds it, and what was written as readable lines. */
function bed() {
  const objects = new Map<string, EndpointSlice>();
  const writes: string[] = [];
  const told: string[] = [];
  let failure: KubeErrorCode | undefined;
  const world = { affinity: 'local' as string | undefined, side: 'home' as Side | undefined, isSynced: true };
  const show = (names: Endpoint[]) => names.map(({ nodeName }) => nodeName).join(' ');
  const fail = () => {
    const code = failure;
    failure = undefined;
    if (code === undefined) return;
    throw new KubeError(code, {
      attempted: 'write',
      where: 'here',
      why: code,
      status: code === 'NotFound' ? 404 : 409,
    });
  };
  const client = {
    async create(_: unknown, made: EndpointSlice) {
      fail();
      writes.push(`create ${made.metadata.name}: ${show(made.endpoints)}`);
      objects.set(made.metadata.name, { ...made, metadata: { ...made.metadata, uid: 's1', resourceVersion: '1' } });
    },
    async replace(_: unknown, made: EndpointSlice) {
      fail();
      writes.push(`replace ${made.metadata.name} ${made.metadata.resourceVersion}: ${show(made.endpoints)}`);
      objects.set(made.metadata.name, { ...made, metadata: { ...made.metadata, uid: 's1' } });
    },
    async delete(_: unknown, { name }: { name: string }, { uid }: { uid: string }) {
      fail();
      writes.push(`delete ${name} ${uid}`);
      objects.delete(name);
    },
    async patch(_: unknown, { name }: { name: string }, body: { metadata: { labels: Record<string, string | null> } }) {
      fail();
      const mark = body.metadata.labels[HEADLESS];
      writes.push(`${mark === null ? 'show' : 'hide'} ${name}`);
      const old = objects.get(name) as EndpointSlice;
      const { [HEADLESS]: _old, ...labels } = old.metadata.labels ?? {};
      const marked = mark === null || mark === undefined ? labels : { ...labels, [HEADLESS]: mark };
      objects.set(name, { ...old, metadata: { ...old.metadata, labels: marked } });
    },
  } as unknown as KubeClient;
  const of = (manager: string) =>
    [...objects.values()].filter(({ metadata }) => metadata.labels?.[MANAGED_BY] === manager);
  const reconciler = affinityReconciler({
    client,
    services: {
      get: (): Service | undefined =>
        world.affinity === undefined
          ? undefined
          : {
              metadata: {
                name: 'web',
                namespace: 'shop',
                uid: 'u1',
                annotations: { 'tombolo.io/service-affinity': world.affinity },
                labels: { 'tombolo.io/service-affinity': world.affinity },
              },
              spec: { selector: { app: 'web' } },
            },
    },
    natives: { list: () => of(NATIVE), isSynced: () => world.isSynced },
    standIns: { byIndex: () => of('affinity.tombolo.io') },
    rendered: { byIndex: () => of('reflection.tombolo.io') },
    sideOf: () => world.side,
    isVirtualNode: (name) => name === 'rome' || name === 'turin',
    events: { event: (_object, type, reason) => told.push(`${type} ${reason}`) },
  });
  const run = async (change: Partial<typeof world> = {}) => {
    Object.assign(world, change);
    const { requeueAfterMs } = await reconciler.reconcile('shop/web', new AbortController().signal);
    if (requeueAfterMs !== undefined) writes.push('again');
    return writes.splice(0);
  };
  return {
    run,
    told,
    get: (name: string) => objects.get(name),
    put: (...slices: EndpointSlice[]) => {
      for (const one of slices) objects.set(one.metadata.name, one);
    },
    /** As Kubernetes' own controller writes: endpoints change, the label stays where the webhook answers. */
    change: (name: string, endpoints: Endpoint[], isKept = true) => {
      const { metadata, ...rest } = objects.get(name) as EndpointSlice;
      const { [HEADLESS]: mark, ...labels } = metadata.labels ?? {};
      const kept = isKept && mark !== undefined ? { ...labels, [HEADLESS]: mark } : labels;
      objects.set(name, { ...rest, metadata: { ...metadata, labels: kept }, endpoints });
    },
    remove: (name: string) => objects.delete(name),
    failNext: (code: KubeErrorCode) => {
      failure = code;
    },
  };
}

test('what is left stands before what it replaces is hidden, follows, and goes after that is seen again', async () => {
  const { put, run, change } = bed();
  put(slice('web-1', [at('here'), at('rome')]));
  expect(await run()).toEqual(['create web-1-affinity: here', 'hide web-1']);
  expect(await run()).toEqual([]);
  change('web-1', [at('here', false), at('rome')]);
  expect(await run()).toEqual(['replace web-1-affinity 1: here rome']);
  change('web-1', [at('here'), at('rome'), at('turin')]);
  expect(await run()).toEqual(['replace web-1-affinity 1: here']);
  expect(await run({ affinity: 'remote' })).toEqual(['replace web-1-affinity 1: rome turin']);
  expect(await run({ affinity: 'none' })).toEqual(['show web-1', 'delete web-1-affinity s1']);
  expect(await run()).toEqual([]);
});

test('a stand-in is equal to its slice but for endpoints, manager and the label that hides', async () => {
  const { put, run, get } = bed();
  const native = slice('web-1', [at('here'), at('rome')]);
  put(native);
  await run();
  expect(get('web-1-affinity')).toMatchObject({
    metadata: {
      labels: { 'kubernetes.io/service-name': 'web', [MANAGED_BY]: 'affinity.tombolo.io', app: 'web' },
      ownerReferences: [{ kind: 'EndpointSlice', name: 'web-1', uid: 'uid of web-1' }],
    },
    addressType: 'IPv4',
    endpoints: [at('here')],
    ports: native.ports,
  });
  expect(get('web-1-affinity')?.metadata.labels).not.toHaveProperty(HEADLESS);
  expect(get('web-1')?.metadata.labels?.[HEADLESS]).toBe('tombolo');
});

test('every end of it gives the slices back: no Service, no offloading', async () => {
  for (const end of [{ affinity: undefined }, { side: undefined }, { affinity: 'locall' }]) {
    const { put, run } = bed();
    put(slice('web-1', [at('here'), at('rome')]));
    await run();
    expect(await run(end)).toEqual(['show web-1', 'delete web-1-affinity s1']);
  }
});

test('slices that come, go and are made anew are followed, and one that was seen again is hidden again', async () => {
  const { put, run, remove, change } = bed();
  put(slice('web-1', [at('here')]));
  await run();
  put(slice('web-2', [at('rome')]));
  expect(await run()).toEqual(['create web-2-affinity: ', 'hide web-2']);
  change('web-2', [at('rome'), at('turin')], false);
  expect(await run()).toEqual(['hide web-2']);
  remove('web-1');
  expect(await run()).toEqual(['replace web-2-affinity 1: rome turin', 'delete web-1-affinity s1']);
  const anew = slice('web-2', [at('rome')]);
  put({ ...anew, metadata: { ...anew.metadata, uid: 'another' } });
  expect(await run()).toEqual(['delete web-2-affinity s1', 'create web-2-affinity: rome', 'hide web-2']);
});

test('in a twin only those that prefer others leave own endpoints out, while a consumer has ready ones', async () => {
  const { put, run, remove } = bed();
  put(slice('web-1', [at('node1')]), slice('web-h', [at('milan')], 'reflection.tombolo.io'));
  expect(await run({ side: 'twin' })).toEqual([]);
  expect(await run({ affinity: 'remote' })).toEqual(['create web-1-affinity: ', 'hide web-1']);
  put(slice('web-h', [at('milan', false)], 'reflection.tombolo.io'));
  expect(await run()).toEqual(['replace web-1-affinity 1: node1']);
  remove('web-h');
  expect(await run()).toEqual([]);
  expect(await run({ affinity: 'local' })).toEqual(['show web-1', 'delete web-1-affinity s1']);
});

test('what a consumer tells is unwanted in a twin while pods of the twin answer, and only where they are preferred', () => {
  const told = slice('web-h', [at('milan')]);
  const twin = (affinity: string): Service => ({
    metadata: { name: 'web', labels: { 'tombolo.io/service-affinity': affinity } },
    spec: { selector: { app: 'web' } },
  });
  const own = (ready: boolean) => () => [slice('web-1', [at('node1', ready)])];
  expect(isUnwantedInTwin(told, twin('local'), own(true))).toBe(true);
  expect(isUnwantedInTwin(told, twin('local'), own(false))).toBe(false);
  expect(isUnwantedInTwin(told, twin('local'), () => [])).toBe(false);
  expect(isUnwantedInTwin(told, twin('local'), () => undefined)).toBeUndefined();
  const never = () => {
    throw new Error('asked although it does not matter');
  };
  expect(isUnwantedInTwin(told, twin('remote'), never)).toBe(false);
  expect(isUnwantedInTwin(told, undefined, never)).toBe(false);
});

test('nothing is written while slices are being read, nor for Services without a preference', async () => {
  const { put, run } = bed();
  put(slice('web-1', [at('here'), at('rome')]));
  expect(await run({ isSynced: false })).toEqual([]);
  expect(await run({ affinity: 'none' })).toEqual([]);
  expect(await run({ isSynced: true, affinity: 'local' })).toEqual(['create web-1-affinity: here', 'hide web-1']);
});

test('what cannot be followed is told once for each sentence, and at home alone', async () => {
  const { run, told } = bed();
  await run({ affinity: 'x', side: 'twin' });
  await run({ side: 'home' });
  await run();
  await run({ affinity: 'y' });
  await run({ affinity: 'none' });
  await run({ affinity: 'y' });
  expect(told).toEqual(['Warning InvalidAffinity', 'Warning InvalidAffinity', 'Warning InvalidAffinity']);
});

test('a cache that is behind, or a name that is taken, is looked at again; other errors are told', async () => {
  for (const code of ['AlreadyExists', 'Conflict', 'NotFound'] as const) {
    const { put, run, failNext } = bed();
    put(slice('web-1', [at('here')]));
    failNext(code);
    expect(await run()).toEqual(['again']);
    expect(await run()).toEqual(['create web-1-affinity: here', 'hide web-1']);
  }
  const { put, run, failNext } = bed();
  put(slice('web-1', [at('here')]));
  failNext('Forbidden');
  await expect(run()).rejects.toThrow('Forbidden');
});

test('a slice that would be seen again stays hidden', () => {
  expect(keepHidden()).toEqual({
    allowed: true,
    patch: [{ op: 'add', path: '/metadata/labels/service.kubernetes.io~1headless', value: 'tombolo' }],
  });
  expect(serviceKeyOf(slice('web-1', []))).toBe('shop/web');
});
