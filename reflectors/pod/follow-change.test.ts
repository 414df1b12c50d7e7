import { expect, test } from 'vitest';
import { type Cluster, KubeError, type Pod } from '#pkg/kube';
import { fakeClock, silentLog } from '#pkg/runtime';
import { askedOf } from './asked.ts';
import { PodError } from './errors.ts';
import { changeOf, followChange } from './follow-change.ts';
import { grantLedger } from './grant-ledger.ts';
import type { PodReflectorDeps } from './pod-deps.ts';
import { createPodMemory } from './pod-memory.ts';
import type { PodSpec } from './pod-types.ts';
import { CONTEXT, localPod, remotePod, runningStatus, UID, wrapperOf } from './test-pods.ts';
import { toRemotePod } from './to-remote.ts';

const NONE = new Set<string>();
const app = (cpu: string, image = 'web:1') => [{ name: 'app', image, resources: { requests: { cpu } } }];
const debug = { name: 'debugger', image: 'busybox' };

/** A pod at home and its remote one; the provider answers what it is told to. Everything sent and told is noted. */
function bed(spec: Partial<PodSpec>, there: Partial<PodSpec> = {}) {
  const sent: string[] = [];
  const told: string[] = [];
  const notes = createPodMemory().of(UID);
  const clock = fakeClock();
  const ledger = grantLedger('rome', () => ({ granted: { cpu: '4', pods: '10' } }));
  const state = {
    local: localPod({ spec: { containers: app('1'), ...spec }, status: runningStatus() }),
    answer: (_part: string): unknown => ({}),
  };
  const made = toRemotePod(localPod({ spec: { containers: app('1') } }), CONTEXT);
  const remote = remotePod({ metadata: made.metadata, spec: { ...made.spec, ...there } });
  const patch = async (
    resource: { kind: string },
    _ref: object,
    body: object,
    { subresource }: { subresource?: string },
  ) => {
    const part = subresource ?? resource.kind;
    sent.push(part === 'Pod' || part === 'ReplicaSet' ? part : `${part} ${JSON.stringify(body)}`);
    return state.answer(part);
  };
  const deps = {
    clock,
    log: silentLog,
    events: { event: (_: unknown, ...words: string[]) => void told.push(words.join(' ')) },
    remote: { peer: 'rome', origin: 'milan', cluster: { client: { patch } } as unknown as Cluster },
  } as unknown as PodReflectorDeps;
  const signal = AbortSignal.timeout(10_000);
  const link = {
    downSince: undefined,
    call: <T>(run: (s: AbortSignal) => Promise<T>) => run(signal),
    onRecovery: () => ({ [Symbol.dispose]() {} }),
  };
  const wrapper = wrapperOf({ annotations: { 'tombolo.io/home-hash': 'older' } });
  return Object.assign(state, {
    sent,
    told,
    clock,
    notes,
    /** One look at the pod, as the reconciler does it. */
    async look() {
      const asked = askedOf(state.local, remote, NONE);
      ledger.hold(UID, asked.standing.spec ?? { containers: [] });
      const change = changeOf(
        { local: state.local, asked, remote, wrapper, context: CONTEXT, notes },
        { ledger, clock },
      );
      const recheckMs = await followChange(change, { deps, link }, signal);
      return { recheckMs, pending: pendingOf(change.resize?.show) };
    },
  });
}

const pendingOf = (pod: Pod | undefined) => pod?.status?.conditions?.find(({ type }) => type === 'PodResizePending');

const refused = (why: string) => {
  throw new KubeError('Forbidden', { attempted: 'patch', where: 'rome', why });
};

test('POD-59 POD-62 POD-63 image, ephemeral container, size and template each go to where they belong', async () => {
  const { sent, look } = bed({ containers: app('2', 'web:2'), ephemeralContainers: [debug] });
  await look();
  expect(sent).toEqual([
    'Pod',
    'ephemeralcontainers {"metadata":{"uid":"remote-1"},"spec":{"ephemeralContainers":[{"name":"debugger","image":"busybox"}]}}',
    'ReplicaSet',
    'resize {"metadata":{"uid":"remote-1"},"spec":{"containers":[{"name":"app","resources":{"requests":{"cpu":"2"}}}]}}',
  ]);
});

test('a refused part is told once, is not sent again, and keeps back no other part', async () => {
  const parts = bed({ ephemeralContainers: [debug] });
  parts.answer = (part) => (part === 'ephemeralcontainers' ? refused('violates PodSecurity "baseline"') : {});
  await parts.look();
  await parts.look();
  expect(parts.sent.filter((part) => part.startsWith('ephemeral'))).toHaveLength(1);
  expect(parts.sent).toContain('ReplicaSet');
  expect(parts.told).toEqual([
    'Warning FailedReflection rome: a change of its ephemeral containers was refused: violates PodSecurity "baseline"',
  ]);
});

test('POD-61 what could not be sent is sent by the next look', async () => {
  const parts = bed({ containers: app('1', 'web:2') });
  parts.answer = () => {
    throw new PodError('ProviderUnreachable', { attempted: 'write pods', where: 'rome', why: 'no answer' });
  };
  await expect(parts.look()).rejects.toThrow('no answer');
  parts.answer = () => ({});
  await parts.look();
  expect(parts.sent).toEqual(['Pod', 'Pod', 'ReplicaSet']);
});

test('POD-63 a resize beyond the grant is shown with its numbers and not sent', async () => {
  const parts = bed({ containers: app('9') });
  const { recheckMs, pending } = await parts.look();
  expect(pending).toMatchObject({ reason: 'Infeasible', message: 'rome: cpu: asked 9, free 4, granted 4' });
  expect(parts.sent).toEqual(['ReplicaSet']);
  expect(recheckMs).toBe(10_000);
});

test('a resize that only the provider finds too much waits, is shown all the time, and is tried again', async () => {
  const parts = bed({ containers: app('2') });
  const resizes = () => parts.sent.filter((part) => part.startsWith('resize')).length;
  parts.answer = (part) =>
    part === 'resize'
      ? refused(
          'admission webhook "quota.tombolo.io" denied the request: GrantExceeded: cpu: asked 2, free 1, granted 4',
        )
      : {};
  expect((await parts.look()).recheckMs).toBe(0); // to show it
  const shown = await parts.look();
  expect(shown.pending).toMatchObject({ reason: 'Deferred', message: 'rome: cpu: asked 2, free 1, granted 4' });
  expect(shown.recheckMs).toBe(10_000);
  expect(resizes()).toBe(1);
  await parts.clock.advance(10_000);
  parts.answer = () => ({});
  expect((await parts.look()).pending).toMatchObject({ reason: 'Deferred' });
  expect(resizes()).toBe(2);
});

test('a resize that somebody there undoes is repeated once a minute and not more often', async () => {
  const parts = bed({ containers: app('2') });
  await parts.look();
  expect((await parts.look()).recheckMs).toBe(60_000);
  await parts.clock.advance(60_000);
  await parts.look();
  expect(parts.sent.filter((part) => part.startsWith('resize'))).toHaveLength(2);
});
