import { describe, expect, test } from 'vitest';
import { type Facts, planPod } from './plan.ts';
import { containerStatus, localPod, remotePod, runningStatus, TWIN, wrapperOf } from './test-pods.ts';

const FACTS: Facts = {
  peer: 'rome',
  local: localPod(),
  twin: TWIN,
  isTwinSynced: true,
  remotes: [],
  wrapper: undefined,
  departed: undefined,
  isCreating: false,
  hasPredecessor: false,
  isApiPending: false,
  apiProblem: undefined,
  unreachableSince: undefined,
};
const plan = (facts: Partial<Facts>) => planPod({ ...FACTS, ...facts });

const once = { restartPolicy: 'Never' };
const ofStatefulSet = {
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 's', controller: true }],
};
const running = runningStatus();
const endedWith = (phase: string, exitCode: number) => {
  const times = { startedAt: '2026-01-01T00:00:02Z', finishedAt: '2026-01-01T00:00:09Z' };
  const state = { terminated: { exitCode, reason: 'Completed', ...times } };
  return { ...runningStatus({ containerStatuses: [containerStatus({ ready: false, state })] }), phase };
};
const succeeded = endedWith('Succeeded', 0);
const failed = endedWith('Failed', 1);
const kept = { finalizers: ['tombolo.io/verdict'] };
/** Over for the API server; only the finalizer keeps the object. */
const held = { ...kept, deletionTimestamp: '2026-01-01T00:01:00Z', deletionGracePeriodSeconds: 0 };

describe('a living pod', () => {
  test('is created when nothing of it is there', () => {
    expect(plan({})).toEqual({ create: 'replica-set' });
    expect(plan({ local: localPod({ spec: once }) })).toEqual({ create: 'once' });
    expect(plan({ local: localPod({ metadata: ofStatefulSet }) })).toEqual({ create: 'recreated' });
  });

  test('POD-12 is not created where its namespace is not offloaded', () => {
    expect(plan({ twin: undefined }).refusal).toEqual({
      reason: 'NotOffloaded',
      message: 'rome: namespace shop is not offloaded there',
    });
    expect(plan({ twin: undefined }).create).toBeUndefined();
  });

  test('waits for the twin and says what the provider answered', () => {
    const twin = { ...TWIN, namespace: '', state: 'Refused', message: 'the name is taken' } as const;
    expect(plan({ twin }).refusal).toEqual({ reason: 'NamespaceNotReady', message: 'rome: the name is taken' });
  });

  test('says since when the provider does not answer', () => {
    const since = new Date('2026-01-01T12:03:04Z');
    expect(plan({ isTwinSynced: false, unreachableSince: since }).refusal).toEqual({
      reason: 'ProviderUnreachable',
      message: 'rome: does not answer since 2026-01-01T12:03:04Z',
    });
    expect(plan({ isTwinSynced: false })).toEqual({ recheckMs: 5_000 });
  });

  test('is not created twice while an answer is on its way', () => {
    expect(plan({ isCreating: true }).create).toBeUndefined();
  });

  test('POD-34 starts only after an older pod of that name is gone there', () => {
    expect(plan({ hasPredecessor: true }).create).toBeUndefined();
  });

  test('POD-36 a wrapper that was deleted there comes back', () => {
    const local = localPod({ status: running });
    expect(plan({ local })).toMatchObject({ create: 'replica-set', absent: 'RemotePodMissing' });
    expect(plan({ local, remotes: [remotePod({ status: running })] })).toMatchObject({ create: 'replica-set' });
    expect(plan({ local: localPod({ spec: once }) }).create).toBe('once');
  });

  test('POD-20 the living one of two remote pods is shown, and an ended one is removed', () => {
    const evicted = remotePod({ metadata: { name: 'a', uid: 'a' }, status: failed });
    const alive = remotePod({
      metadata: { name: 'b', uid: 'b', creationTimestamp: '2026-01-01T00:10:00Z' },
      status: running,
    });
    const going = remotePod({ metadata: { name: 'c', uid: 'c', deletionTimestamp: 'soon' }, status: running });
    for (const remotes of [
      [evicted, alive, going],
      [going, alive, evicted],
    ]) {
      const { show, remove } = plan({ local: localPod({ status: running }), remotes, wrapper: wrapperOf() });
      expect(show).toBe(alive);
      expect(remove?.pods).toEqual([evicted]);
      expect(remove?.wrapper).toBeUndefined();
    }
  });

  test('a pod of a StatefulSet is made again only when the ended one is gone', () => {
    const local = localPod({ metadata: ofStatefulSet, status: running });
    const ended = remotePod({ status: failed });
    expect(plan({ local, remotes: [ended] })).toMatchObject({ show: ended, remove: { pods: [ended] } });
    expect(plan({ local, remotes: [ended] }).create).toBeUndefined();
    expect(plan({ local }).create).toBe('recreated');
  });

  test('a deadline that is set later leaves the pod bare', () => {
    const local = localPod({ spec: { activeDeadlineSeconds: 60 }, status: running });
    const wrapper = wrapperOf();
    expect(plan({ local, wrapper, remotes: [remotePod({ status: running })] }).orphan).toBe(wrapper);
  });
});

test('NET-37 a pod that asks for an API to which nothing leads is refused with that reason', () => {
  expect(plan({ apiProblem: 'this peering has no tunnel' })).toMatchObject({
    refusal: { reason: 'Unsupported', message: 'rome: this peering has no tunnel' },
  });
  expect(plan({ apiProblem: 'this peering has no tunnel' }).create).toBeUndefined();
});

describe('a pod that runs once', () => {
  test('POD-37 POD-38 is never created again after it has finished, whatever is gone there', () => {
    for (const phase of ['Succeeded', 'Failed']) {
      for (const twin of [TWIN, undefined, { ...TWIN, state: 'Waiting' as const }]) {
        const local = localPod({ spec: once, status: { ...runningStatus(), phase } });
        expect(plan({ local, twin })).toEqual({});
      }
    }
  });

  test('is lost, not run again, when it may have run and nothing of it is there', () => {
    const local = localPod({ spec: once, status: running });
    expect(plan({ local })).toEqual({ lost: true });
    const taken = localPod({ spec: once, status: { phase: 'Pending', startTime: '2026-01-01T00:00:00Z' } });
    expect(plan({ local: taken })).toEqual({ lost: true });
  });

  test('is not failed just because its twin cannot be seen', () => {
    const local = localPod({ spec: once, status: running });
    for (const facts of [
      { isTwinSynced: false },
      { twin: undefined },
      { twin: { ...TWIN, state: 'Waiting' as const } },
    ]) {
      expect(plan({ local, ...facts }).lost).toBeUndefined();
    }
  });

  test('a verdict that was seen before the pod was deleted there is shown', () => {
    const departed = remotePod({ status: succeeded });
    expect(plan({ local: localPod({ spec: once, status: running }), departed })).toEqual({ show: departed });
  });

  test('POD-42 an eviction there is its verdict', () => {
    const evicted = remotePod({ status: { ...failed, reason: 'Evicted' } });
    expect(plan({ local: localPod({ spec: once, status: running }), remotes: [evicted] })).toEqual({ show: evicted });
  });
});

describe('a finished pod', () => {
  test('keeps the ended remote pod for its logs, and stops one that runs', () => {
    const local = localPod({ spec: once, status: failed });
    expect(plan({ local, remotes: [remotePod({ status: failed })] })).toEqual({});
    const alive = remotePod({ status: running });
    expect(plan({ local, remotes: [alive] }).remove?.pods).toEqual([alive]);
  });
});

describe('deletion', () => {
  const deleted = (seconds: number, status = running) =>
    localPod({ metadata: { deletionTimestamp: 'soon', deletionGracePeriodSeconds: seconds }, status });

  test('POD-30 the remote gets the same grace, and the local object goes only when it is gone', () => {
    const remote = remotePod({ status: running });
    const wrapper = wrapperOf();
    const first = plan({ local: deleted(7), remotes: [remote], wrapper });
    expect(first).toMatchObject({ show: remote, remove: { pods: [remote], wrapper, graceSeconds: 7 } });
    expect(first.finish).toBeUndefined();
    expect(plan({ local: deleted(7) })).toEqual({ finish: true });
  });

  test('POD-32 a pod that never got there goes at once', () => {
    const pending = deleted(30, { phase: 'Pending' });
    for (const twin of [undefined, { ...TWIN, namespace: '', state: 'Refused' as const }]) {
      expect(plan({ local: pending, twin, isTwinSynced: false })).toEqual({ finish: true });
    }
  });

  test('nothing is released while the provider cannot be seen', () => {
    expect(plan({ local: deleted(30), isTwinSynced: false }).finish).toBeUndefined();
    expect(plan({ local: deleted(30), isCreating: true }).finish).toBeUndefined();
  });

  test('an object that only finalizers of others hold is not deleted again and again', () => {
    expect(plan({ local: deleted(0) })).toEqual({});
  });

  test('the end is still shown when the remote pod went first', () => {
    const departed = remotePod({ status: succeeded });
    expect(plan({ local: deleted(30), departed })).toEqual({ show: departed, finish: true });
  });
});

describe('objects without a local pod', () => {
  test('POD-31 POD-33 are removed, after the home API was asked', () => {
    const remote = remotePod({ status: running });
    expect(plan({ local: undefined, remotes: [remote], wrapper: wrapperOf() }).remove).toMatchObject({
      pods: [remote],
      graceSeconds: 1,
      needsProof: true,
    });
    expect(plan({ local: undefined })).toEqual({});
  });
});

describe('the end of a remote pod that runs once', () => {
  const local = localPod({ spec: once, status: running });

  test('POD-23 is kept until it is shown, also where its object is deleted there meanwhile', () => {
    const alive = remotePod({ metadata: kept, status: running });
    expect(plan({ local, remotes: [alive] }).release).toBeUndefined();
    for (const metadata of [kept, held]) {
      const ended = remotePod({ metadata, status: failed });
      expect(plan({ local, remotes: [ended] })).toEqual({ show: ended, release: [ended] });
    }
  });

  test('POD-24 a forced deletion is asked about before the object may go', () => {
    const forced = remotePod({ metadata: held, spec: { nodeName: 'n' }, status: running });
    const { lost, release, show } = plan({ local, remotes: [forced] });
    expect({ lost, release, show }).toEqual({ lost: true, release: undefined, show: undefined });
    const after = localPod({ spec: once, status: failed });
    expect(plan({ local: after, remotes: [forced] }).release).toEqual([forced]);
  });

  test('POD-25 one that runs on after the verdict at home is stopped and kept for nobody', () => {
    const alive = remotePod({ metadata: kept, status: running });
    const { remove, release, show } = plan({ local: localPod({ spec: once, status: failed }), remotes: [alive] });
    expect({ pods: remove?.pods, release, show }).toEqual({ pods: [alive], release: [alive], show: undefined });
  });

  test('POD-43 one that never started is made again, once the local pod has forgotten its kubelet', () => {
    const pending = { phase: 'Pending', qosClass: 'BestEffort' };
    const taken = localPod({ spec: once, status: { ...pending, startTime: '2026-01-01T00:00:01Z' } });
    const unplaced = remotePod({ metadata: held, status: { phase: 'Pending' } });
    expect(plan({ local: taken, remotes: [unplaced] })).toMatchObject({ unstarted: true, release: [unplaced] });
    expect(plan({ local: taken, departed: unplaced })).toEqual({ unstarted: true });
    expect(plan({ local: localPod({ spec: once }), departed: unplaced })).toEqual({ create: 'once' });
    // It has run as far as we know: then what is there says nothing.
    expect(plan({ local, remotes: [unplaced] })).toMatchObject({ lost: true });
  });

  test('POD-41 an end that nothing here knows of is no reason to run it again', () => {
    const departed = remotePod({ metadata: held, spec: { nodeName: 'n' }, status: running });
    expect(plan({ local: localPod({ spec: once }), departed })).toEqual({ lost: true });
  });

  test('nothing keeps it where the local pod is deleted or gone', () => {
    const forced = remotePod({ metadata: held, spec: { nodeName: 'n' }, status: running });
    const deleted = localPod({
      metadata: { deletionTimestamp: 'soon', deletionGracePeriodSeconds: 30 },
      spec: once,
      status: running,
    });
    expect(plan({ local: deleted, remotes: [forced] }).release).toEqual([forced]);
    const alive = remotePod({ metadata: kept, status: running });
    expect(plan({ local: deleted, remotes: [alive] }).release).toBeUndefined();
    expect(plan({ local: undefined, remotes: [alive] }).release).toEqual([alive]);
  });
});
