import { describe, expect, test } from 'vitest';
import { type ConfigMap, KubeError, type KubeClient, type KubeObject, type Namespace, type Pod } from '#pkg/kube';
import { fakeClock } from '#pkg/runtime';
import { heldIn, verdictKeeper } from './verdict-keeper.ts';

const TWIN = 'shop-milan';
const SECOND = 1_000;

const heldPod = (name: string): Pod => ({
  metadata: {
    name,
    namespace: TWIN,
    uid: `remote-${name}`,
    resourceVersion: '1',
    labels: { 'tombolo.io/pod-uid': `local-${name}` },
    finalizers: ['example.com/other', 'tombolo.io/verdict'],
    deletionTimestamp: '2026-01-01T00:00:00Z',
    deletionGracePeriodSeconds: 0,
  },
  spec: { nodeName: 'n', containers: [] },
  status: { phase: 'Failed' },
});

/** Pods of one twin, and the ConfigMap; `broken` is what writing that one answers. */
function bed(
  pods: Pod[],
  options: { broken?: 'Forbidden' | 'ServerFailed'; isEnding?: boolean; origin?: string } = {},
) {
  const clock = fakeClock();
  let stored: ConfigMap | undefined;
  const fail = (code: 'NotFound' | 'Forbidden' | 'ServerFailed') => {
    const status = { NotFound: 404, Forbidden: 403, ServerFailed: 500 }[code];
    throw new KubeError(code, { attempted: 'test', where: 'here', why: code, status });
  };
  const client = {
    async get({ kind }: { kind: string }, { name }: { name: string }): Promise<KubeObject> {
      const found = kind === 'Pod' ? pods.find((pod) => pod.metadata.name === name) : stored;
      return found ?? fail('NotFound');
    },
    async create(_: unknown, object: ConfigMap) {
      if (options.broken !== undefined) fail(options.broken);
      stored = object;
    },
    async patch({ kind }: { kind: string }, { name }: { name: string }, body: { data: object; metadata: object }) {
      if (kind === 'ConfigMap') stored = { ...(stored as ConfigMap), data: body.data as Record<string, string> };
      const pod = kind === 'Pod' ? pods.find((entry) => entry.metadata.name === name) : undefined;
      if (pod !== undefined) Object.assign(pod.metadata, body.metadata);
    },
  } as unknown as KubeClient;
  const { isEnding = false, origin = 'milan' } = options;
  const namespace: Namespace = {
    metadata: {
      name: TWIN,
      labels: origin === '' ? {} : { 'tombolo.io/origin': origin },
      ...(isEnding && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
  };
  const keeper = verdictKeeper({
    client,
    clock,
    pods: { byIndex: () => pods.filter((pod) => heldIn(pod).length > 0) },
    namespaces: { get: () => namespace },
  });
  return {
    look: () => keeper.reconcile(TWIN, AbortSignal.timeout(10_000)),
    wait: (seconds: number) => clock.advance(seconds * SECOND),
    kept: () => Object.keys(stored?.data ?? {}).sort(),
    place: () => `${stored?.metadata.namespace}/${stored?.metadata.name}`,
    finalizers: () => pods.map((pod) => pod.metadata.finalizers?.join()),
  };
}

const HELD = 'example.com/other,tombolo.io/verdict';
const FREE = 'example.com/other';

describe('the provider keeps verdicts of consumers that are away', () => {
  test('POD-23 a pod waits for its consumer first; then its end is stored with the tenant and it may go', async () => {
    const twin = bed([heldPod('a')]);
    expect((await twin.look()).requeueAfterMs).toBe(5 * SECOND);
    await twin.wait(19);
    expect((await twin.look()).requeueAfterMs).toBe(SECOND);
    expect(twin.finalizers()).toEqual([HELD]);
    await twin.wait(1);
    await twin.look();
    expect(twin.finalizers()).toEqual([FREE]);
    expect([twin.place(), twin.kept()]).toEqual(['tombolo-tenant-milan/tombolo-verdicts', ['local-a']]);
  });

  test('each pod has its own time, and later ones join the records', async () => {
    const pods = [heldPod('a')];
    const twin = bed(pods);
    await twin.look();
    await twin.wait(10);
    pods.push(heldPod('b'));
    await twin.look();
    await twin.wait(10);
    await twin.look();
    expect(twin.finalizers()).toEqual([FREE, HELD]);
    await twin.wait(10);
    await twin.look();
    expect(twin.kept()).toEqual(['local-a', 'local-b']);
  });

  test('a pod that is being stopped is not held by us', () => {
    const stopping = heldPod('a');
    stopping.metadata.deletionGracePeriodSeconds = 30;
    expect(heldIn(stopping)).toEqual([]);
    expect(heldIn(heldPod('a'))).toEqual([TWIN]);
  });

  test('a twin that is being removed waits for nobody, also where nothing can be stored any more', async () => {
    const twin = bed([heldPod('a')], { isEnding: true });
    await twin.look();
    expect([twin.finalizers(), twin.kept()]).toEqual([[FREE], ['local-a']]);
    const over = bed([heldPod('a')], { isEnding: true, broken: 'Forbidden' });
    await over.look();
    expect(over.finalizers()).toEqual([FREE]);
  });

  test('a verdict that cannot be stored keeps its pod for less than a minute', async () => {
    const twin = bed([heldPod('a')], { broken: 'ServerFailed' });
    await twin.look();
    await twin.wait(20);
    await expect(twin.look()).rejects.toThrow();
    expect(twin.finalizers()).toEqual([HELD]);
    await twin.wait(25);
    await expect(twin.look()).rejects.toThrow();
    expect(twin.finalizers()).toEqual([FREE]);
  });

  test('in a namespace of nobody the pod goes and nothing is stored', async () => {
    const other = bed([heldPod('a')], { origin: '' });
    await other.look();
    await other.wait(20);
    await other.look();
    expect([other.finalizers(), other.kept()]).toEqual([[FREE], []]);
  });
});
