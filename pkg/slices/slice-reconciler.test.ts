import { expect, test } from 'vitest';
import { type EndpointSlice, keyOf, KubeError, type KubeClient, type KubeErrorCode } from '#pkg/kube';
import { type Consumer, rawKeyOf, sliceReconciler } from './index.ts';

const KEY = 'shop-milan/web-at-home';
const milan: Consumer = { translate: (address) => address.replace('10.244.', '10.71.'), isReachable: true };
const raw = (change: Partial<EndpointSlice['metadata']> = {}): EndpointSlice => ({
  metadata: {
    name: 'web-at-home',
    namespace: 'shop-milan',
    uid: 'u1',
    labels: { 'tombolo.io/service-name': 'web' },
    ...change,
  },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.244.1.1'] }],
  ports: [],
});

/** The reconciler over one namespace, with what it wrote as readable lines. */
function bed() {
  const writes: string[] = [];
  const world = {
    raw: undefined as EndpointSlice | undefined,
    consumer: undefined as Consumer | undefined,
    isUnwanted: false as boolean | undefined,
  };
  let standing: EndpointSlice | undefined;
  let failure: KubeErrorCode | undefined;
  const write = (line: string, next: EndpointSlice | undefined) => {
    if (failure !== undefined) {
      const code = failure;
      failure = undefined;
      throw new KubeError(code, {
        attempted: 'write',
        where: 'here',
        why: code,
        status: code === 'NotFound' ? 404 : 409,
      });
    }
    writes.push(line);
    standing = next && { ...next, metadata: { ...next.metadata, uid: 'r1', resourceVersion: String(writes.length) } };
  };
  const addresses = ({ endpoints }: EndpointSlice) => endpoints.flatMap((endpoint) => endpoint.addresses).join();
  const client = {
    create: async (_: unknown, slice: EndpointSlice) => write(`create ${keyOf(slice)} ${addresses(slice)}`, slice),
    replace: async (_: unknown, slice: EndpointSlice) =>
      write(`replace ${slice.metadata.resourceVersion} ${addresses(slice)}`, slice),
    delete: async (_: unknown, { name }: { name: string }, { uid }: { uid: string }) =>
      write(`delete ${name} ${uid}`, undefined),
  } as unknown as KubeClient;
  const reconciler = sliceReconciler({
    client,
    raw: { get: (key) => (key === KEY ? world.raw : undefined) },
    rendered: { get: (key) => (key === `${KEY}-tombolo` ? standing : undefined) },
    consumerOf: (namespace) => (namespace === 'shop-milan' ? world.consumer : undefined),
    isUnwanted: () => world.isUnwanted,
  });
  const run = async (change: Partial<typeof world> = {}) => {
    Object.assign(world, change);
    const { requeueAfterMs } = await reconciler.reconcile(KEY, new AbortController().signal);
    if (requeueAfterMs !== undefined) writes.push('again');
    return writes.splice(0);
  };
  return {
    run,
    standing: () => standing,
    failNext: (code: KubeErrorCode) => {
      failure = code;
    },
  };
}

test('a slice is made, follows, and goes with what it is made from', async () => {
  const { run, standing } = bed();
  expect(await run({ consumer: milan })).toEqual([]);
  expect(await run({ raw: raw() })).toEqual(['create shop-milan/web-at-home-tombolo 10.71.1.1']);
  expect(standing() && rawKeyOf(standing() as EndpointSlice)).toBe(KEY);
  expect(await run()).toEqual([]);
  expect(await run({ consumer: { ...milan, translate: () => '10.72.1.1' } })).toEqual(['replace 1 10.72.1.1']);
  expect(await run({ raw: raw({ deletionTimestamp: 'now' }) })).toEqual(['delete web-at-home-tombolo r1']);
  expect(await run({ raw: undefined })).toEqual([]);
});

test('a raw slice that was made anew meanwhile gets a new one, which garbage collection does not take away', async () => {
  const { run } = bed();
  await run({ consumer: milan, raw: raw() });
  expect(await run({ raw: raw({ uid: 'u2' }) })).toEqual([
    'delete web-at-home-tombolo r1',
    'create shop-milan/web-at-home-tombolo 10.71.1.1',
  ]);
});

test('a namespace that is no twin any more keeps none', async () => {
  const { run } = bed();
  await run({ consumer: milan, raw: raw() });
  expect(await run({ consumer: undefined })).toEqual(['delete web-at-home-tombolo r1']);
});

test('nothing is written until it is known whether it is wanted, and what is not wanted stays without endpoints', async () => {
  const { run } = bed();
  expect(await run({ consumer: milan, raw: raw(), isUnwanted: undefined })).toEqual([]);
  expect(await run({ isUnwanted: true })).toEqual(['create shop-milan/web-at-home-tombolo ']);
  expect(await run({ isUnwanted: undefined })).toEqual([]);
  expect(await run({ isUnwanted: false })).toEqual(['replace 1 10.71.1.1']);
});

test('a name that is taken and a cache that is behind are tried again, what is gone is not', async () => {
  const { run, failNext } = bed();
  failNext('AlreadyExists');
  expect(await run({ consumer: milan, raw: raw() })).toEqual(['again']);
  await run();
  failNext('Conflict');
  expect(await run({ consumer: { ...milan, isReachable: false } })).toEqual(['again']);
  failNext('NotFound');
  expect(await run()).toEqual([]);
});
