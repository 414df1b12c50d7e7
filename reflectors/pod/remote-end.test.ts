import { describe, expect, test } from 'vitest';
import type { Pod } from '#pkg/kube';
import type { PodStatus } from './pod-types.ts';
import { endOf, wasInterrupted } from './remote-end.ts';
import { containerStatus, remotePod, runningStatus } from './test-pods.ts';

const ASKED_AT = '2026-01-01T00:01:00Z';
const forced = { deletionTimestamp: ASKED_AT, deletionGracePeriodSeconds: 0 };
const graceful = { deletionTimestamp: '2026-01-01T00:01:30Z', deletionGracePeriodSeconds: 30 };

const ended = (finishedAt: string, exitCode = 1) =>
  containerStatus({
    ready: false,
    state: { terminated: { exitCode, reason: 'Error', startedAt: '2026-01-01T00:00:02Z', finishedAt } },
  });
/** What a kubelet writes of a container that it does not find when it ends the pod; Go prints the empty time as null. */
const notFound = containerStatus({
  ready: false,
  state: {
    terminated: {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      startedAt: null as unknown as string,
      finishedAt: null as unknown as string,
    },
  },
});
const failed = (...containerStatuses: PodStatus['containerStatuses'] & object): PodStatus => ({
  ...runningStatus({ containerStatuses }),
  phase: 'Failed',
});
const there = (metadata: Partial<Pod['metadata']>, status: PodStatus, nodeName = 'node-1') =>
  remotePod({ metadata, status, spec: nodeName === '' ? {} : { nodeName } });

describe('how a remote pod has ended', () => {
  test('it has not while it runs, or is on its way out', () => {
    expect(endOf(there({}, runningStatus()))).toBeUndefined();
    expect(endOf(there(graceful, runningStatus()))).toBeUndefined();
  });

  test('POD-23 a verdict stays one when its object is deleted', () => {
    const status = failed(ended('2026-01-01T00:00:30Z'));
    for (const metadata of [{}, graceful, forced]) expect(endOf(there(metadata, status))).toBe('verdict');
  });

  test('a pod that the kubelet refused, or ended before it ran, has its verdict', () => {
    const refused: PodStatus = { phase: 'Failed', reason: 'OutOfcpu' };
    const late = failed(containerStatus({ state: { waiting: { reason: 'ImagePullBackOff' } } }));
    expect(endOf(there({}, refused))).toBe('verdict');
    expect(endOf(there(forced, { ...late, reason: 'DeadlineExceeded' }))).toBe('verdict');
  });

  test('POD-24 a forced deletion while it ran loses it', () => {
    expect(endOf(there(forced, runningStatus()))).toBe('lost');
    // Its last status may be older than what happened on the node.
    expect(endOf(there(forced, { phase: 'Pending' }))).toBe('lost');
  });

  test('POD-24 a forced deletion loses it also where the signal has worked already, unless a container said more', () => {
    const after = '2026-01-01T00:01:02Z';
    expect(endOf(there(forced, failed(ended(after, 137))))).toBe('lost');
    expect(endOf(there(graceful, failed(ended(after, 137))))).toBe('verdict');
    expect(endOf(there(forced, failed(ended('2026-01-01T00:00:59Z', 137))))).toBe('verdict');
    expect(endOf(there(forced, failed(ended(after, 7))))).toBe('verdict');
    expect(endOf(there(forced, { ...failed(ended(after, 137)), phase: 'Succeeded' }))).toBe('verdict');
  });

  test('POD-24 a pod of a node that is gone is lost, whatever phase its collector wrote', () => {
    const collected = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC' };
    expect(endOf(there(forced, failed(containerStatus())))).toBe('lost');
    const waiting = failed(containerStatus({ state: { waiting: { reason: 'ContainerCreating' } } }));
    expect(endOf(there(forced, { ...waiting, conditions: [collected] }))).toBe('lost');
  });

  test('POD-43 deleted there before any container ran, it did not start', () => {
    expect(endOf(there(forced, { phase: 'Pending' }, ''))).toBe('unstarted');
    expect(endOf(there(graceful, failed(notFound)))).toBe('unstarted');
    expect(endOf(there(graceful, failed(notFound, ended('2026-01-01T00:01:02Z'))))).toBe('verdict');
    expect(endOf(there(graceful, failed({ ...notFound, restartCount: 1 })))).toBe('verdict');
  });
});

describe('an interruption', () => {
  test('is an end after the deletion, not before it', () => {
    const [before, after] = ['2026-01-01T00:00:59Z', '2026-01-01T00:01:02Z'];
    for (const metadata of [forced, graceful]) {
      expect(wasInterrupted(there(metadata, failed(ended(before))))).toBe(false);
      expect(wasInterrupted(there(metadata, failed(ended(after))))).toBe(true);
    }
    expect(wasInterrupted(there({}, failed(ended(after))))).toBe(false);
  });
});
