import { expect, test } from 'vitest';
import { SessionResets } from './session-resets.ts';

/** Seconds at which a peer that never answers has its session begun anew, with a lost probe each 250 ms. */
function times(random: () => number, seconds: number): number[] {
  const resets = new SessionResets(random);
  const found: number[] = [];
  for (let ms = 0, missed = 1; ms < seconds * 1000; ms += 250, missed++) {
    if (resets.isDue('rome', missed, ms)) found.push(ms / 1000);
  }
  return found;
}

test('begins anew after two losses, and then with pauses that grow to half a minute', () => {
  const found = times(() => 0.99, 120);
  expect(found[0]).toBe(0.25);
  const pauses = found.slice(1).map((at, index) => at - (found[index] ?? 0));
  expect(pauses[0]).toBeGreaterThanOrEqual(2);
  expect(pauses.at(-1)).toBeGreaterThan(25);
  expect(found.length).toBeLessThan(9);
});

test('two sides that lose each other at once leave each other time within half a minute', () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  for (let round = 0; round < 50; round++) {
    const all = [...times(random, 60), ...times(random, 60)].toSorted((a, b) => a - b);
    const gaps = all.slice(1).map((at, index) => ({ start: all[index] ?? 0, length: at - (all[index] ?? 0) }));
    // A session that stands for 3 s answers a probe, even where a round trip takes a second.
    expect(gaps.some(({ start, length }) => start < 30 && length >= 3)).toBe(true);
  }
});

test('an answer makes the next silence a new one', () => {
  const resets = new SessionResets(() => 0.5);
  expect(resets.isDue('rome', 2, 0)).toBe(true);
  expect(resets.isDue('rome', 3, 500)).toBe(false);
  resets.answered('rome');
  expect(resets.isDue('rome', 2, 1_000)).toBe(true);
});
