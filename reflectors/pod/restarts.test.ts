import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pod } from '#pkg/kube';
import { annotationStep } from './json-patch.ts';
import { formatRestartsBefore, RESTARTS_BEFORE, restartOffset } from './restarts.ts';
import { containerStatus, localPod, remotePod, runningStatus } from './test-pods.ts';
import { toAbsentStatus, toLocalStatus } from './to-local-status.ts';

/** One look of ours: offset, annotation where needed, shown status. `crash` stops between the two writes. */
function look(local: Pod, remote: Pod, crash = false): { local: Pod; remote: Pod } {
  const { before, isNew } = restartOffset(local, remote);
  const annotated: Pod = isNew
    ? {
        ...remote,
        metadata: {
          ...remote.metadata,
          annotations: { ...remote.metadata.annotations, [RESTARTS_BEFORE]: formatRestartsBefore(before) },
        },
      }
    : remote;
  if (crash) return { local, remote: annotated };
  const status = toLocalStatus(local, annotated, {
    peer: 'rome',
    nodeAddress: '10.0.0.1',
    nodeIsReady: true,
    translate: () => undefined,
    wrapping: 'replica-set',
    restartsBefore: before,
    refusal: undefined,
    now: new Date(0),
  });
  return { local: { ...local, status }, remote: annotated };
}

function running(uid: string, counts: Record<string, number>): Pod {
  return remotePod({
    metadata: { uid, name: `web-${uid}` },
    status: runningStatus({
      containerStatuses: Object.entries(counts).map(([name, restartCount]) => containerStatus({ name, restartCount })),
    }),
  });
}

const shownCounts = (pod: Pod) =>
  Object.fromEntries((pod.status?.containerStatuses ?? []).map(({ name, restartCount }) => [name, restartCount]));

describe('restart counts', () => {
  test('POD-43 a pod whose twin was gone counts the restart, although a refusal stood there meanwhile', () => {
    let { local } = look(localPod(), running('a', { app: 2 }));
    const refusal = { reason: 'NamespaceNotReady', message: `rome: ${'waits '.repeat(80)}`.slice(0, 300) } as const;
    const context = { nodeIsReady: true, now: new Date(0) };
    for (const why of [undefined, refusal, refusal, undefined]) {
      local = { ...local, status: toAbsentStatus(local, 'RemotePodMissing', why, context) };
      const { message = '' } = local.status?.conditions?.find(({ type }) => type === 'tombolo.io/Offloaded') ?? {};
      expect(message).toMatch(/\(ran as UID a\)$/);
      expect(message.length).toBeLessThanOrEqual(300);
    }
    // The same one is no restart: the twin had only been out of sight.
    expect(shownCounts(look(local, running('a', { app: 2 })).local)).toEqual({ app: 2 });
    ({ local } = look(local, running('b', { app: 0 })));
    expect(shownCounts(local)).toEqual({ app: 3 });
  });

  test('POD-18 a re-created pod shows last + 1 for every container and counts on from there', () => {
    let { local } = look(localPod(), running('a', { app: 2, side: 0 }));
    expect(shownCounts(local)).toEqual({ app: 2, side: 0 });
    let seen = look(local, running('b', { app: 0, side: 0 }));
    expect(shownCounts(seen.local)).toEqual({ app: 3, side: 1 });
    const again = { ...running('b', { app: 1, side: 0 }) };
    again.metadata = seen.remote.metadata;
    seen = look(seen.local, again);
    expect(shownCounts(seen.local)).toEqual({ app: 4, side: 1 });
    ({ local } = look(seen.local, running('c', { app: 0, side: 0 })));
    expect(shownCounts(local)).toEqual({ app: 5, side: 2 });
  });

  test('init containers count on as well', () => {
    const withInit = (uid: string, restartCount: number) =>
      remotePod({
        metadata: { uid },
        status: runningStatus({ initContainerStatuses: [containerStatus({ name: 'init', restartCount })] }),
      });
    const first = look(localPod(), withInit('a', 1));
    const second = look(first.local, withInit('b', 0));
    expect(second.local.status?.initContainerStatuses?.[0]?.restartCount).toBe(2);
  });

  test('a pod that never ran has not restarted when it is re-created', () => {
    const waiting = (uid: string) =>
      remotePod({
        metadata: { uid },
        status: {
          phase: 'Pending',
          startTime: '2026-01-01T00:00:00Z',
          containerStatuses: [containerStatus({ state: { waiting: { reason: 'ImagePullBackOff' } }, ready: false })],
        },
      });
    const { local } = look(look(localPod(), waiting('a')).local, waiting('b'));
    expect(shownCounts(local)).toEqual({ app: 0 });
  });

  test('no container vanishes while the new pod has not been taken by a kubelet', () => {
    const before = look(localPod(), running('a', { app: 1 })).local;
    const { local } = look(before, remotePod({ metadata: { uid: 'b' }, status: { phase: 'Pending' } }));
    expect(local.status?.phase).toBe('Running');
    expect(local.status?.containerStatuses?.[0]).toMatchObject({
      restartCount: 2,
      ready: false,
      state: { waiting: { reason: 'ContainerCreating' } },
    });
  });

  test('POD-19 counts never fall and grow only by what happened there, wherever a process of ours stops', () => {
    // A model: the truth is the sum of container restarts, plus one for each re-creation that was shown to run before.
    const step = fc.record({
      event: fc.constantFrom('restart', 'recreate', 'nothing'),
      crash: fc.boolean(),
      looks: fc.integer({ min: 0, max: 2 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let uid = 0;
        let count = 0;
        let remote = running('0', { app: 0 });
        let local = look(localPod(), remote).local;
        let shown = 0;
        let truth = 0;
        for (const { event, crash, looks } of steps) {
          if (event === 'restart') {
            count++;
            truth++;
          }
          if (event === 'recreate') {
            // What was not shown before the pod went is not known to anybody any more.
            truth = (shownCounts(local)['app'] ?? 0) + 1;
            uid++;
            count = 0;
          }
          const next = running(String(uid), { app: count });
          remote = event === 'recreate' ? next : { ...next, metadata: remote.metadata };
          if (event === 'recreate') ({ local, remote } = look(local, remote));
          for (let index = 0; index < looks; index++) ({ local, remote } = look(local, remote, crash && index === 0));
          const now = shownCounts(local)['app'] ?? 0;
          expect(now).toBeGreaterThanOrEqual(shown);
          expect(now).toBeLessThanOrEqual(truth);
          shown = now;
        }
        ({ local } = look(local, remote));
        expect(shownCounts(local)['app']).toBe(truth);
      }),
    );
  });

  test('a crash between annotation and status counts the re-creation once', () => {
    const before = look(localPod(), running('a', { app: 4 })).local;
    const crashed = look(before, running('b', { app: 0 }), true);
    expect(shownCounts(look(crashed.local, crashed.remote).local)).toEqual({ app: 5 });
  });

  test('an annotation that somebody broke does not let the count fall', () => {
    const before = look(localPod(), running('a', { app: 4 })).local;
    const { local, remote } = look(before, running('b', { app: 0 }));
    for (const text of ['{', '[]', 'null', '{"app":-3}', '{"app":"9"}', '{"__proto__":1}']) {
      const broken = { ...remote, metadata: { ...remote.metadata, annotations: { [RESTARTS_BEFORE]: text } } };
      expect(shownCounts(look(local, broken).local)).toEqual({ app: 5 });
    }
  });

  test('the annotation is added also where the object has none', () => {
    expect(annotationStep({ metadata: { name: 'x' } }, RESTARTS_BEFORE, '{}').path).toBe('/metadata/annotations');
    expect(annotationStep(remotePod(), RESTARTS_BEFORE, '{}').path).toBe(
      '/metadata/annotations/tombolo.io~1restarts-before',
    );
  });
});
