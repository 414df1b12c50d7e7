import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { loopLag } from './loop-lag.ts';

test('tells the longest stall since the last look', async () => {
  using lag = loopLag();
  await sleep(600);
  lag.maxMs();
  await sleep(600); // the first sample after a look only begins the next measurement
  const until = performance.now() + 800;
  while (performance.now() < until);
  await sleep(600);
  expect(lag.maxMs()).toBeGreaterThan(700); // far above the resolution, which is told without any stall
  expect(lag.maxMs()).toBeLessThan(250);
});
