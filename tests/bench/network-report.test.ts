import { expect, test } from 'vitest';
import { median } from './median.ts';
import { renderNetwork } from './network-report.ts';

test('compares pairs of one round, and says which goal is met', () => {
  const run = (through: number, raw: number) => ({
    tombolo: { tcp1: through, p50Ms: 0.9 },
    raw: { tcp1: raw, p50Ms: 0.5 },
    veth: { tcp1: 20 },
  });
  // The medians alone would say 2 : 3.
  const runs = [run(1, 1), run(2, 2.1), run(3, 3), run(2.6, 5), run(1.9, 2)];
  const report = { rounds: 5, seconds: 1, innerMtuBytes: 1440, loadAverage: [1, 2] as const, runs };
  const lines = renderNetwork(report).split('\n');
  expect(lines.find((line) => line.includes('1 flow, Gbit/s'))).toMatch(/20\.00 +2\.10 +2\.00 +0\.95 +≥ 0\.85 +met$/);
  expect(lines.find((line) => line.includes('p50'))).toMatch(/\+0\.400 ms +≤ \+0\.3 ms +MISSED$/);
});

test('the median of an even number lies between', () => {
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeUndefined();
});
