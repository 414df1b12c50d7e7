import { describe, expect, test } from 'vitest';
import type { Pod } from '#pkg/kube';
import { statusPatch } from './status-patch.ts';
import { containerStatus, localPod, remotePod, runningStatus } from './test-pods.ts';
import { type StatusContext, toLocalStatus, toLostStatus } from './to-local-status.ts';

const CONTEXT: StatusContext = {
  peer: 'rome',
  nodeAddress: '10.0.0.9',
  nodeIsReady: true,
  translate: () => undefined,
  wrapping: 'replica-set',
  restartsBefore: {},
  refusal: undefined,
  now: new Date('2026-01-01T01:00:00Z'),
};

const show = (local: Pod, remote: Pod, context: Partial<StatusContext> = {}): Pod => ({
  ...local,
  status: toLocalStatus(local, remote, { ...CONTEXT, ...context }),
});
const condition = (pod: Pod, type: string) => pod.status?.conditions?.find((entry) => entry.type === type);

describe('toLocalStatus', () => {
  test('phase, conditions, container states and start times are those of the remote pod', () => {
    const remote = remotePod({ status: runningStatus() });
    const { status } = show(localPod(), remote);
    expect(status).toMatchObject({
      phase: 'Running',
      startTime: '2026-01-01T00:00:01Z',
      hostIP: '10.0.0.9',
      hostIPs: [{ ip: '10.0.0.9' }],
      containerStatuses: remote.status?.containerStatuses,
    });
    expect(condition({ ...remote, status: status ?? {} }, 'Ready')).toMatchObject({
      status: 'True',
      lastTransitionTime: '2026-01-01T00:00:02Z',
    });
  });

  test('an address that cannot be translated is never shown', () => {
    expect(show(localPod(), remotePod({ status: runningStatus() })).status).not.toHaveProperty('podIP');
    const translate = (address: string) => address.replace('10.244.', '10.71.');
    const { status } = show(localPod(), remotePod({ status: runningStatus() }), { translate });
    expect(status).toMatchObject({ podIP: '10.71.1.7', podIPs: [{ ip: '10.71.1.7' }] });
  });

  test('fields and conditions of others stay as they are here', () => {
    const local = localPod({
      status: {
        phase: 'Pending',
        qosClass: 'Burstable',
        conditions: [
          { type: 'PodScheduled', status: 'True', lastTransitionTime: 'home' },
          { type: 'example.com/gate', status: 'True' },
          { type: 'DisruptionTarget', status: 'True' },
        ],
      },
    });
    const remote = remotePod({ status: runningStatus({ qosClass: 'BestEffort', nominatedNodeName: 'x' }) });
    const shown = show(local, remote);
    expect(shown.status?.qosClass).toBe('Burstable');
    expect(shown.status).not.toHaveProperty('nominatedNodeName');
    expect(condition(shown, 'PodScheduled')?.lastTransitionTime).toBe('home');
    expect(condition(shown, 'example.com/gate')?.status).toBe('True');
    expect(condition(shown, 'DisruptionTarget')?.status).toBe('True');
  });

  test('POD-28 a status that was written gives no further write', () => {
    const remote = remotePod({ status: runningStatus() });
    const shown = show(localPod(), remote);
    const later = toLocalStatus(shown, remote, { ...CONTEXT, now: new Date('2026-01-01T02:00:00Z') });
    expect(statusPatch(shown.status, later)).toBeUndefined();
    // The API server prints probe times and generations that nobody has set.
    const stored = {
      ...shown.status,
      conditions:
        shown.status?.conditions?.map((entry) => ({ ...entry, lastProbeTime: null as unknown as string })) ?? [],
    };
    expect(statusPatch(stored, toLocalStatus({ ...shown, status: stored }, remote, CONTEXT))).toBeUndefined();
  });

  test('nothing is written for a remote pod that only waits for its node', () => {
    const remote = remotePod({ status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True' }] } });
    const local = localPod();
    expect(statusPatch(local.status, toLocalStatus(local, remote, CONTEXT))).toBeUndefined();
  });

  test('POD-21 an end comes with exit code, reason and message', () => {
    const terminated = { exitCode: 137, reason: 'OOMKilled', message: 'last words', startedAt: 'a', finishedAt: 'b' };
    const remote = remotePod({
      status: {
        ...runningStatus(),
        phase: 'Failed',
        reason: 'DeadlineExceeded',
        message: 'too long',
        containerStatuses: [containerStatus({ state: { terminated }, ready: false })],
      },
    });
    const { status } = show(localPod({ spec: { restartPolicy: 'Never' } }), remote, { wrapping: 'once' });
    expect(status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded', message: 'too long' });
    expect(status?.containerStatuses?.[0]?.state).toEqual({ terminated });
  });

  test('the end of a pod that is brought back is a restart, not a verdict', () => {
    const running = show(localPod(), remotePod({ status: runningStatus() }));
    const evicted = remotePod({ status: { ...runningStatus(), phase: 'Failed', reason: 'Evicted', conditions: [] } });
    expect(show(running, evicted).status?.phase).toBe('Running');
    expect(show(running, evicted).status).not.toHaveProperty('reason');
    const deleted = { ...running, metadata: { ...running.metadata, deletionTimestamp: 'now' } };
    expect(show(deleted, evicted).status?.phase).toBe('Failed');
  });

  test('a pod of a node that is not ready is not ready, and is again with the node', () => {
    const remote = remotePod({ status: runningStatus() });
    const running = show(localPod(), remote);
    const cut = show(running, remote, { nodeIsReady: false });
    expect(condition(cut, 'Ready')).toMatchObject({ status: 'False', reason: 'NodeNotReady' });
    expect(statusPatch(running.status, cut.status ?? {})).toEqual({
      conditions: [expect.objectContaining({ type: 'Ready', status: 'False' })],
    });
    const healed = show(cut, remote, { now: new Date('2026-01-01T03:00:00Z') });
    // Ready since now: what waits for minReadySeconds counts from the recovery.
    expect(condition(healed, 'Ready')).toMatchObject({ status: 'True', lastTransitionTime: '2026-01-01T03:00:00Z' });
  });

  test('while the node was not judged yet, what was said of it stands', () => {
    const remote = remotePod({ status: runningStatus() });
    const running = show(localPod(), remote);
    expect(condition(show(running, remote, { nodeIsReady: undefined }), 'Ready')?.status).toBe('True');
    const cut = show(running, remote, { nodeIsReady: false });
    expect(condition(show(cut, remote, { nodeIsReady: undefined }), 'Ready')?.status).toBe('False');
  });

  test('readiness gates are judged where their conditions are', () => {
    const gated = (status: string) =>
      localPod({
        spec: { readinessGates: [{ conditionType: 'example.com/gate' }] },
        status: { phase: 'Pending', conditions: [{ type: 'example.com/gate', status }] },
      });
    const remote = remotePod({ status: runningStatus() });
    expect(condition(show(gated('False'), remote), 'Ready')?.status).toBe('False');
    expect(condition(show(gated('True'), remote), 'Ready')?.status).toBe('True');
  });

  test('the condition Offloaded tells where it runs, and goes False with the reason', () => {
    const running = show(localPod(), remotePod({ status: runningStatus() }));
    expect(condition(running, 'tombolo.io/Offloaded')).toMatchObject({
      status: 'True',
      reason: 'Running',
      message: 'runs on rome as shop-milan/web-7d9f8-abcde-x1y2z (UID remote-1)',
    });
    const refusal = { reason: 'ImagePull', message: 'rome: no' } as const;
    const waiting = show(localPod(), remotePod(), { refusal });
    expect(condition(waiting, 'tombolo.io/Offloaded')).toMatchObject({ status: 'False', reason: 'ImagePull' });
    expect(condition(show(waiting, remotePod()), 'tombolo.io/Offloaded')).toBeUndefined();
  });

  test('a pod lost without a verdict ends as Failed with unknown containers', () => {
    const running = show(localPod(), remotePod({ status: runningStatus() }));
    const lost = toLostStatus(running, 'rome: gone', CONTEXT);
    expect(lost).toMatchObject({ phase: 'Failed', reason: 'RemotePodLost' });
    expect(lost.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
    });
  });
});

describe('an end that came from outside', () => {
  const ended = (finishedAt: string, more: object = {}) => {
    const terminated = { exitCode: 137, reason: 'Error', startedAt: '2026-01-01T00:00:02Z', finishedAt };
    const status = { ...runningStatus({ containerStatuses: [containerStatus({ state: { terminated } })] }), ...more };
    const metadata = { deletionTimestamp: '2026-01-01T00:01:00Z', deletionGracePeriodSeconds: 0 };
    return remotePod({ metadata, status: { ...status, phase: 'Failed' } });
  };
  const once = { wrapping: 'once' } as const;

  test('POD-24 a pod that ran when it was deleted there says so, with its true exit code', () => {
    const { status } = show(localPod(), ended('2026-01-01T00:01:02Z'), once);
    expect(status).toMatchObject({ phase: 'Failed', reason: 'RemotePodLost' });
    expect(status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(137);
  });

  test('POD-23 one that had ended before keeps its verdict, and one with a reason keeps that', () => {
    expect(show(localPod(), ended('2026-01-01T00:00:30Z'), once).status?.reason).toBeUndefined();
    expect(show(localPod(), ended('2026-01-01T00:01:02Z', { reason: 'Evicted' }), once).status?.reason).toBe('Evicted');
  });
});

describe('statusPatch', () => {
  test('names only what changed, and clears what went', () => {
    const here = { phase: 'Running', podIP: '10.71.0.1', podIPs: [{ ip: '10.71.0.1' }], reason: 'x' };
    expect(statusPatch(here, { phase: 'Running', podIP: '10.71.0.2', podIPs: [{ ip: '10.71.0.2' }] })).toEqual({
      podIP: '10.71.0.2',
      podIPs: [{ ip: '10.71.0.2' }, { $patch: 'replace' }],
      reason: null,
    });
  });

  test('clears the sentence of a condition that has none any more', () => {
    const here = { conditions: [{ type: 'Ready', status: 'False', reason: 'A', message: 'b' }] };
    expect(statusPatch(here, { conditions: [{ type: 'Ready', status: 'True' }] })).toEqual({
      conditions: [{ type: 'Ready', status: 'True', reason: null, message: null, lastTransitionTime: undefined }],
    });
  });
});
