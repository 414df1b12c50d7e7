import { expect, test } from 'vitest';
import { fakeClock } from './clock.ts';
import { levelLoop } from './level-loop.ts';
import { silentLog } from './log.ts';

test('works at once, once for many pokes, and again on time', async () => {
  const clock = fakeClock();
  let runs = 0;
  const loop = levelLoop({ name: 'x', work: async () => void runs++, everyMs: 1_000, clock, log: silentLog });
  const end = new AbortController();
  const running = loop.run(end.signal);
  await clock.advance(50);
  expect(runs).toBe(1);
  loop.poke();
  loop.poke();
  await clock.advance(50);
  expect(runs).toBe(2);
  await clock.advance(1_100);
  expect(runs).toBe(3);
  end.abort();
  await running;
});

test('a failed run is tried again with pauses that grow, pokes or not', async () => {
  const clock = fakeClock();
  let runs = 0;
  const work = async () => {
    runs++;
    throw new Error('no');
  };
  const loop = levelLoop({ name: 'x', work, everyMs: 60_000, clock, log: silentLog });
  const end = new AbortController();
  const running = loop.run(end.signal);
  for (let second = 0; second < 60; second++) {
    loop.poke();
    await clock.advance(1_000);
  }
  expect(runs).toBeGreaterThan(4);
  expect(runs).toBeLessThan(60);
  end.abort();
  await running;
});
