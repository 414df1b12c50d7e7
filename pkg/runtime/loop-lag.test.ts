import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { loopLag } from './loop-lag.ts';

test('tells the longest stall since the last look', async () => {
  using lag = loopLag();
  await sleep(250);
  lag.maxMs();
  await sleep(250); // the first sample after a look only begins the next measurement
  const until = performance.now() + 300;
  while (performance.now() < until);
  await sleep(250);
  expect(lag.maxMs()).toBeGreaterThan(250);
  expect(lag.maxMs()).toBeLessThan(250);
});
