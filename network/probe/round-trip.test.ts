import { expect, test } from 'vitest';
import { RoundTrip } from './round-trip.ts';

const after = (...samplesMs: number[]): RoundTrip => {
  const roundTrip = new RoundTrip();
  for (const sample of samplesMs) roundTrip.add(sample);
  return roundTrip;
};

test('the timeout follows RFC 6298, within 250 ms and 2 s', () => {
  expect(after().timeoutMs).toBe(1_000);
  expect(after(2).timeoutMs).toBe(250);
  expect(after(100).timeoutMs).toBe(300); // 100 + 4 · 50
  expect(after(100, 180).timeoutMs).toBe(110 + 4 * (0.75 * 50 + 0.25 * 80));
  expect(after(1_500, 100).timeoutMs).toBe(2_000);
});

test('the smoothed time follows slowly, the last one is the last one', () => {
  expect(after()).toMatchObject({ lastMs: undefined, smoothedMs: undefined });
  expect(after(80, 160)).toMatchObject({ lastMs: 160, smoothedMs: 90 });
});
