import { expect, test } from 'vitest';
import { dripMeter } from './drip.ts';

test('less than 1 kB per second over ten seconds is too slow', () => {
  const meter = dripMeter(0);
  meter.add(9_999);
  expect(meter.isTooSlow(9_999)).toBe(false);
  expect(meter.isTooSlow(10_000)).toBe(true);
});

test('each window counts for itself, and one in which nothing was expected does not count', () => {
  const meter = dripMeter(0);
  meter.add(50_000);
  expect(meter.isTooSlow(10_000)).toBe(false);
  meter.restart(19_000);
  expect(meter.isTooSlow(28_000)).toBe(false);
  expect(meter.isTooSlow(29_000)).toBe(true);
});
