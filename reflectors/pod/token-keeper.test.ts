import { describe, expect, test } from 'vitest';
import { type Cluster, KubeError, type KubeObject, type Pod } from '#pkg/kube';
import { fakeClock, type Log, silentLog } from '#pkg/runtime';
import { PodError } from './errors.ts';
import type { PodReflectorDeps } from './pod-deps.ts';
import { createPodMemory } from './pod-memory.ts';
import type { TokenStep } from './plan-token.ts';
import { localPod, runningStatus, UID } from './test-pods.ts';
import { tokenKeeper } from './token-keeper.ts';

const OWNER = { kind: 'ReplicaSet', name: 'web', uid: 'wrapper-1' } as const;
const CREATE: TokenStep = { do: 'create', owner: OWNER };
const POD = localPod({
  spec: {
    serviceAccountName: 'reader',
    volumes: [{ name: 'kube-api-access', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }],
  },
});

function kubeError(code: 'NotFound' | 'AlreadyExists' | 'Conflict' | 'Forbidden', why: string): KubeError {
  return new KubeError(code, { attempted: 'test', where: 'here', why });
}

/** Home gives tokens t1, t2, …; the provider answers what it is told to. Everything sent is noted. */
function bed(answers: { home?: () => unknown; provider?: (verb: string) => unknown } = {}) {
  const sent: [verb: string, ...rest: unknown[]][] = [];
  const told: string[] = [];
  const clock = fakeClock();
  let minted = 0;
  const provider =
    (verb: string) =>
    async (_resource: unknown, ...rest: unknown[]) => {
      const withoutSignal = ({ signal: _, ...part }: { signal?: unknown }) => part;
      sent.push([verb, ...rest.map((part) => withoutSignal(part as object))]);
      return answers.provider?.(verb);
    };
  const note = (fields: object, message: string) => void told.push(JSON.stringify({ fields, message }));
  const log: Log = { ...silentLog, warn: note, error: note, info: note, debug: note };
  const link = { downSince: undefined as Date | undefined, call: (run: (s: AbortSignal) => unknown) => run(signal) };
  const signal = AbortSignal.timeout(10_000);
  const deps = {
    clock,
    log,
    link,
    random: () => 0,
    nodeName: 'rome',
    events: { event: (_: unknown, ...words: string[]) => void told.push(words.join(' ')) },
    home: {
      client: {
        subresource: async () => {
          sent.push(['token']);
          return answers.home?.() ?? { spec: { expirationSeconds: 3_600 }, status: { token: `secret-${++minted}` } };
        },
      },
    } as unknown as Cluster,
    remote: {
      peer: 'rome',
      origin: 'milan',
      cluster: {
        client: {
          create: provider('create'),
          patch: provider('patch'),
          get: provider('get'),
          delete: provider('delete'),
        },
      } as unknown as Cluster,
    },
  } as unknown as PodReflectorDeps & Parameters<typeof tokenKeeper>[0];
  const keeper = tokenKeeper(deps);
  const notes = createPodMemory().of(UID);
  const keep = (step: TokenStep, local: Pod | undefined = POD) =>
    keeper.keep(step, { local, twin: 'shop-milan', notes }, signal);
  return { sent, told, clock, link, keep, verbs: () => sent.map(([verb]) => verb).join(' ') };
}

const standing = (labels: Record<string, string> = { 'tombolo.io/pod-uid': UID }): KubeObject => ({
  metadata: { name: `tombolo-token-${UID}`, uid: 'secret-uid', resourceVersion: '7', labels },
});

describe('tokenKeeper', () => {
  test('makes the Secret with one request here and one there, and no second one before the cache has it', async () => {
    const { keep, sent, verbs, clock } = bed();
    expect(await keep(CREATE)).toEqual({ recheckMs: 10_000 });
    expect(sent.at(-1)?.[1]).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: `tombolo-token-${UID}`,
        namespace: 'shop-milan',
        labels: {
          'tombolo.io/origin': 'milan',
          'tombolo.io/pod-uid': UID,
          'tombolo.io/grant': 'rome',
          'tombolo.io/component': 'token',
        },
        annotations: {
          'tombolo.io/renew-at': '2026-01-01T00:45:00.000Z',
          'tombolo.io/home-name': 'web-7d9f8-abcde',
        },
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'wrapper-1' }],
      },
      type: 'Opaque',
      data: { 'token-0': Buffer.from('secret-1').toString('base64') },
    });
    expect(await keep(CREATE)).toEqual({ recheckMs: 10_000 });
    expect(verbs()).toBe('token create');
    await clock.advance(10_000);
    await keep(CREATE);
    expect(verbs()).toBe('token create token create');
  });

  test('POD-53 renews it by a change that cannot meet another Secret', async () => {
    const { keep, sent } = bed();
    await keep({ do: 'renew', secret: standing(), owner: OWNER });
    expect(sent.at(-1)).toEqual([
      'patch',
      { namespace: 'shop-milan', name: `tombolo-token-${UID}` },
      {
        metadata: {
          uid: 'secret-uid',
          annotations: { 'tombolo.io/renew-at': '2026-01-01T00:45:00.000Z' },
          ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'wrapper-1' }],
        },
        data: { 'token-0': Buffer.from('secret-1').toString('base64') },
      },
      { type: 'merge' },
    ]);
  });

  test('takes over a Secret of its own whose create was not answered, and none of somebody else', async () => {
    const answer = (found: KubeObject) => (verb: string) => {
      if (verb === 'create') throw kubeError('AlreadyExists', 'it exists');
      return verb === 'get' ? found : undefined;
    };
    const own = bed({ provider: answer(standing()) });
    await own.keep(CREATE);
    expect(own.verbs()).toBe('token create get patch');
    const others = bed({ provider: answer(standing({})) });
    expect((await others.keep(CREATE)).refusal?.reason).toBe('NameTaken');
    expect(others.verbs()).toBe('token create get');
  });

  test('says once why there is no token, without the token, and asks ever less often', async () => {
    const { keep, verbs, told, clock } = bed({
      home: () => {
        throw kubeError('NotFound', 'serviceaccounts "reader" not found');
      },
    });
    const message = 'rome: no token of service account "reader" for the pod there: serviceaccounts "reader" not found';
    for (const recheckMs of [1_000, 3_000, 9_000, 27_000, 60_000, 60_000]) {
      expect(await keep(CREATE)).toEqual({ refusal: { reason: 'MissingReference', message }, recheckMs });
      expect((await keep(CREATE)).refusal).toEqual({ reason: 'MissingReference', message });
      await clock.advance(recheckMs);
    }
    expect(verbs()).toBe(Array.from({ length: 6 }, () => 'token').join(' '));
    expect(told).toEqual([expect.stringContaining('could not be made'), `Warning FailedReflection ${message}`]);
    const written = bed({
      provider: () => {
        throw kubeError('Forbidden', 'exceeded quota');
      },
    });
    expect((await written.keep(CREATE)).refusal?.reason).toBe('Refused');
    expect(written.told.join()).not.toContain('secret-1');
  });

  test('a running pod goes on with the token that it has', async () => {
    const { keep, told } = bed({
      home: () => {
        throw kubeError('Forbidden', 'no');
      },
    });
    const running = { ...POD, status: runningStatus() };
    expect(await keep({ do: 'renew', secret: standing(), owner: OWNER }, running)).toEqual({ recheckMs: 1_000 });
    expect(told).toHaveLength(2);
  });

  test('asks home for nothing that cannot be delivered', async () => {
    const away = bed();
    away.link.downSince = new Date();
    expect(await away.keep(CREATE)).toEqual({ recheckMs: 5_000 });
    expect(away.verbs()).toBe('');
    const lost = bed({
      provider: () => {
        throw new PodError('ProviderUnreachable', { attempted: 'write', where: 'rome', why: 'away' });
      },
    });
    expect(await lost.keep(CREATE)).toEqual({ recheckMs: 5_000 });
  });

  test('POD-54 removes exactly the Secret that belongs to nothing, and is content where it is gone', async () => {
    const { keep, sent } = bed({
      provider: () => {
        throw kubeError('NotFound', 'gone');
      },
    });
    expect(await keep({ do: 'delete', secret: standing() }, undefined)).toEqual({ recheckMs: 1_000 });
    expect(sent).toEqual([
      ['delete', { namespace: 'shop-milan', name: `tombolo-token-${UID}` }, { uid: 'secret-uid' }],
    ]);
  });
});
