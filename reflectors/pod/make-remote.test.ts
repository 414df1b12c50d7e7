import { describe, expect, test } from 'vitest';
import { type Cluster, KubeError, type KubeObject, type Pod } from '#pkg/kube';
import { fakeClock } from '#pkg/runtime';
import { makeRemote } from './make-remote.ts';
import { createPodMemory } from './pod-memory.ts';
import type { PodParts } from './pod-run.ts';
import { containerStatus, localPod, runningStatus, TWIN, UID } from './test-pods.ts';

const signal = AbortSignal.timeout(10_000);
const deleted = { deletionTimestamp: '2025-12-31T23:59:00Z', deletionGracePeriodSeconds: 0 };
const terminated = { exitCode: 7, startedAt: '2025-12-31T23:58:00Z', finishedAt: '2025-12-31T23:58:30Z' };
const ended = { phase: 'Failed', containerStatuses: [containerStatus({ state: { terminated } })] };
const recordOf = (status: object, nodeName?: string) =>
  JSON.stringify({ metadata: { name: 'x', uid: 'r', ...deleted }, spec: { nodeName, containers: [] }, status });

/** Tries to create a pod that runs once while the provider keeps `record` of it; `Forbidden`: may not be asked. */
async function attempt(made: 'long ago' | 'now', record?: string) {
  const sent: string[] = [];
  const clock = fakeClock();
  const client = {
    async get({ kind }: { kind: string }, { namespace, name }: { namespace: string; name: string }) {
      sent.push(`get ${kind} ${namespace}/${name}`);
      const code = record === 'Forbidden' ? 'Forbidden' : 'NotFound';
      if (record === undefined || record === 'Forbidden') {
        throw new KubeError(code, { attempted: 'get', where: name, why: code, status: 404 });
      }
      return { metadata: { name }, data: { [UID]: record } };
    },
    async create({ kind }: { kind: string }, object: KubeObject) {
      sent.push(`create ${kind}`);
      return { ...object, metadata: { ...object.metadata, uid: 'new' } };
    },
  };
  const parts = {
    deps: {
      clock,
      nodeName: 'rome',
      remote: { peer: 'rome', origin: 'milan', cluster: { client } as unknown as Cluster },
      twins: { twinOf: () => TWIN },
      placement: () => ({}),
    },
    ledger: { take: () => undefined, free: () => true, hold: () => undefined },
    link: { downSince: undefined, call: (request: (s: AbortSignal) => unknown) => request(signal) },
  } as unknown as PodParts;
  const creationTimestamp = made === 'now' ? '2025-12-31T23:59:59Z' : '2025-12-31T23:50:00Z';
  const local: Pod = localPod({ metadata: { creationTimestamp }, spec: { restartPolicy: 'Never' } });
  const notes = createPodMemory().of(UID);
  const run = { namespace: 'shop', podUid: UID, notes, plan: { create: 'once' }, facts: { remotes: [] } };
  await makeRemote(parts, run as unknown as Parameters<typeof makeRemote>[1], local, signal);
  return { sent, departed: notes.departed?.status?.phase };
}

const ASKED = 'get ConfigMap tombolo-tenant-milan/tombolo-verdicts';

describe('POD-41 a pod that runs once is not made where', () => {
  test('the provider knows its end, or that it is lost', async () => {
    expect(await attempt('long ago', recordOf(ended))).toEqual({ sent: [ASKED], departed: 'Failed' });
    expect(await attempt('long ago', recordOf(runningStatus(), 'n'))).toEqual({ sent: [ASKED], departed: 'Running' });
  });
});

describe('a pod that runs once is made', () => {
  test('without a question while it is young', async () => {
    expect((await attempt('now', recordOf(ended))).sent).toEqual(['create Pod']);
  });

  test('where nothing is known of it, or that it never started', async () => {
    for (const record of [undefined, 'Forbidden', 'no JSON', '7', recordOf({ phase: 'Pending' })]) {
      expect(await attempt('long ago', record)).toEqual({ sent: [ASKED, 'create Pod'], departed: undefined });
    }
  });
});
