import { expect, test } from 'vitest';
import { POD } from '#pkg/kube';
import { homeEvent, readEvent, type SeenEvent } from './seen-event.ts';

const NOW = new Date('2026-01-01T12:00:00Z');
const involvedObject = { apiVersion: 'v1', kind: 'Pod', name: 'web-x7', namespace: 'shop-milan', uid: 'there' };
const metadata = { name: 'e', namespace: 'shop-milan', uid: 'event', creationTimestamp: '2026-01-01T11:00:00Z' };
const local = { metadata: { name: 'web', namespace: 'shop', uid: 'here' } };

function read(event: object): SeenEvent {
  const seen = readEvent({ metadata, involvedObject, ...event }, NOW);
  if (seen === undefined) throw new Error('not read');
  return seen;
}

test('an event there is one about the local object here, from the peer, with its count and times', () => {
  const seen = read({
    type: 'Warning',
    reason: 'Unhealthy',
    message: 'Liveness probe failed',
    involvedObject: { ...involvedObject, fieldPath: 'spec.containers{main}' },
    source: { component: 'kubelet', host: 'rome-node1' },
    count: 7,
    firstTimestamp: '2026-01-01T11:00:00Z',
    lastTimestamp: '2026-01-01T11:05:00Z',
  });
  expect(homeEvent(seen, local, POD, 'rome')).toEqual({
    metadata: { name: expect.stringMatching(/^web\.[0-9a-f]{16}$/), namespace: 'shop' },
    involvedObject: {
      apiVersion: 'v1',
      kind: 'Pod',
      name: 'web',
      namespace: 'shop',
      uid: 'here',
      fieldPath: 'spec.containers{main}',
    },
    type: 'Warning',
    reason: 'Unhealthy',
    message: 'Liveness probe failed',
    source: { component: 'rome/kubelet', host: 'rome-node1' },
    reportingComponent: 'rome/kubelet',
    reportingInstance: 'rome-node1',
    firstTimestamp: '2026-01-01T11:00:00Z',
    lastTimestamp: '2026-01-01T11:05:00Z',
    count: 7,
  });
});

test('events.k8s.io counts in a series and has other times', () => {
  const seen = read({
    type: 'Warning',
    reportingComponent: 'default-scheduler',
    reportingInstance: 'scheduler-1',
    eventTime: '2026-01-01T11:30:00.123456Z',
    firstTimestamp: null,
    lastTimestamp: null,
    series: { count: 12, lastObservedTime: '2026-01-01T11:40:00.000000Z' },
  });
  expect(homeEvent(seen, local, POD, 'rome')).toMatchObject({
    source: { component: 'rome/default-scheduler', host: 'scheduler-1' },
    firstTimestamp: '2026-01-01T11:30:00Z',
    lastTimestamp: '2026-01-01T11:40:00Z',
    count: 12,
  });
});

test('one event there has one name here, another peer another one', () => {
  const name = (peer: string, uid: string) =>
    homeEvent(read({ metadata: { ...metadata, uid } }), local, POD, peer).metadata.name;
  expect(name('rome', 'a')).toBe(name('rome', 'a'));
  expect(new Set([name('rome', 'a'), name('rome', 'b'), name('turin', 'a')]).size).toBe(3);
});

test('what a hostile provider writes is cut to what this cluster takes', () => {
  const seen = read({
    type: 'Alarm',
    reason: 'r'.repeat(1_000),
    message: 'm'.repeat(100_000),
    source: { component: 'c'.repeat(1_000), host: 'h'.repeat(1_000) },
    count: Number.MAX_VALUE,
    lastTimestamp: 'yesterday',
  });
  expect(seen).toMatchObject({ type: 'Normal', count: 2 ** 31 - 1, lastAt: new Date('2026-01-01T11:00:00Z') });
  expect([seen.reason, seen.message, seen.component, seen.host].map(({ length }) => length)).toEqual([
    128, 1_024, 253, 253,
  ]);
  const long = { metadata: { ...local.metadata, name: 'n'.repeat(253) } };
  expect(homeEvent(seen, long, POD, 'rome').metadata.name).toHaveLength(253);
  expect(read({ count: -3 }).count).toBe(1);
});

test('events about nothing, or about an object elsewhere, are not read', () => {
  const about = (involved: object) => readEvent({ metadata, involvedObject: involved }, NOW);
  expect(about({})).toBeUndefined();
  expect(about({ ...involvedObject, namespace: 'bank' })).toBeUndefined();
  expect(about({ ...involvedObject, uid: undefined })).toBeUndefined();
});
