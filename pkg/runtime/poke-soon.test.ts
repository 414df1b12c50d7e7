import { expect, test } from 'vitest';
import { fakeClock } from './clock.ts';
import { pokeSoon } from './poke-soon.ts';

test('many pokes are one, the next ones another, and none comes after disposal', async () => {
  const clock = fakeClock();
  let pokes = 0;
  const soon = pokeSoon({ poke: () => void pokes++ }, 200, clock);
  soon.poke();
  soon.poke();
  await clock.advance(199);
  expect(pokes).toBe(0);
  await clock.advance(1);
  expect(pokes).toBe(1);
  soon.poke();
  await clock.advance(200);
  expect(pokes).toBe(2);
  soon.poke();
  soon[Symbol.dispose]();
  await clock.advance(1_000);
  expect(pokes).toBe(2);
});
