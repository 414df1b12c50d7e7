import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decorrelatedJitter } from './backoff.ts';

test('every wait lies between the bounds and is at most three times the one before', () => {
  const random = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(random, (values) => {
      const drawn = [...values];
      const backoff = decorrelatedJitter({ minMs: 800, maxMs: 30_000, random: () => drawn.shift() ?? 0 });
      let last = 800;
      for (const _ of values) {
        const wait = backoff.next();
        expect(wait).toBeGreaterThanOrEqual(800);
        expect(wait).toBeLessThanOrEqual(Math.min(30_000, last * 3));
        last = wait;
      }
    }),
  );
});

test('a reset begins anew', () => {
  const backoff = decorrelatedJitter({ minMs: 100, maxMs: 10_000, random: () => 0.999 });
  const first = backoff.next();
  for (let i = 0; i < 10; i++) backoff.next();
  backoff.reset();
  expect(backoff.next()).toBe(first);
});
