import { expect, test } from 'vitest';
import { groupOf } from './place.ts';

test('finds the group of a container in old hierarchies, whatever else is mounted', () => {
  const text = '3:memory:/bed/pods/x\n2:cpu,cpuacct:/bed/pods/pod1/abc123\n1:name=systemd:/bed/pods/pod1/abc123\n';
  expect(groupOf(text, 'abc123')).toBe('bed/pods/pod1/abc123');
  expect(groupOf(text, 'other')).toBeUndefined();
});

test('finds it in the unified hierarchy', () => {
  expect(groupOf('0::/bed/pods/pod1/abc123\n', 'abc123')).toBe('bed/pods/pod1/abc123');
});
