import { expect, test } from 'vitest';
import { retryDelays } from './retry-delays.ts';

function setup(random = 0) {
  let now = 0;
  const delays = retryDelays({ clock: { now: () => now }, random: () => random, minMs: 5, maxMs: 15_000 });
  return { delays, advance: (ms: number) => (now += ms) };
}

test('a burst of 100 keys waits only for itself, then 10 a second', () => {
  const { delays } = setup();
  const waits = Array.from({ length: 110 }, (_, i) => delays.next(`key-${i}`));
  expect(waits.slice(0, 100)).toEqual(Array(100).fill(5));
  expect(waits.slice(100).map(Math.round)).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
});

test('however many keys fail, none waits longer than the longest back-off', () => {
  const { delays } = setup();
  for (let i = 0; i < 10_000; i++) expect(delays.next(`key-${i}`)).toBeLessThanOrEqual(15_000);
});

test('after an outage of any size the bucket is full again within 25 s', () => {
  const { delays, advance } = setup();
  for (let i = 0; i < 10_000; i++) delays.next(`key-${i}`);
  advance(25_000);
  expect(Array.from({ length: 100 }, (_, i) => delays.next(`other-${i}`))).toEqual(Array(100).fill(5));
});

test('keys that fail together spread over the last tenth of their wait', () => {
  expect(setup(0).delays.next('a')).toBe(5);
  expect(setup(0.999).delays.next('a')).toBeCloseTo(4.5, 2);
});
