import { expect, test } from 'vitest';
import type { Pod } from '#pkg/kube';
import { verdictRecord, withRecords } from './verdict-records.ts';

const AT = new Date('2026-01-01T00:00:00Z');
const NOW = { at: AT, namespaceDeletedAt: undefined };
const pod = (number: number, message = ''): Pod => ({
  metadata: {
    name: `p${number}`,
    namespace: 'shop-milan',
    uid: `r${number}`,
    labels: { 'tombolo.io/pod-uid': `u${number}` },
  },
  spec: { nodeName: 'n', containers: [{ name: 'app', image: 'web:1' }] },
  status: { phase: 'Failed', message, qosClass: 'BestEffort' },
});

test('a record is the pod without what tells nothing about its end', () => {
  expect(JSON.parse(verdictRecord(pod(1, 'm'), NOW))).toEqual({
    at: AT.toISOString(),
    metadata: { name: 'p1', namespace: 'shop-milan', uid: 'r1' },
    spec: { nodeName: 'n', containers: [] },
    status: { phase: 'Failed', message: 'm' },
  });
});

test('records stand under the UID of the local pod, beside those from before', () => {
  expect(Object.keys(withRecords({ old: '{}' }, [pod(1), pod(2)], NOW)).sort()).toEqual(['old', 'u1', 'u2']);
});

test('all together stay within half of a ConfigMap, and the oldest go first', () => {
  const long = 'x'.repeat(4_000);
  let data: Record<string, string> = { foreign: 'not ours' };
  for (let number = 0; number < 300; number++)
    data = withRecords(data, [pod(number, long)], { ...NOW, at: new Date(number * 1000) });
  const numbers = Object.keys(data).map((key) => Number(key.slice(1)));
  expect(JSON.stringify(data).length).toBeLessThan(1024 * 1024);
  expect(numbers.length).toBeGreaterThan(100);
  expect(Math.min(...numbers)).toBe(300 - numbers.length);
  expect(data).not.toHaveProperty('foreign');
});

test('a pod of a namespace that was deleted has been deleted then, not when it was over', () => {
  const over = pod(1);
  over.metadata.deletionTimestamp = '2026-01-01T00:00:09Z';
  const deletedAt = (namespaceDeletedAt: string | undefined) =>
    JSON.parse(verdictRecord(over, { at: AT, namespaceDeletedAt })).metadata.deletionTimestamp;
  expect(deletedAt('2026-01-01T00:00:05Z')).toBe('2026-01-01T00:00:05Z');
  expect(deletedAt('2026-01-01T00:00:11Z')).toBe('2026-01-01T00:00:09Z');
  expect(deletedAt(undefined)).toBe('2026-01-01T00:00:09Z');
});
