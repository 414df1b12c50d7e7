import { expect, test } from 'vitest';
import { pauses } from './pauses.ts';

test('a server that is back from a long outage and refuses at first is asked again soon', () => {
  const pause = pauses(() => 1);
  for (let attempt = 0; attempt < 10; attempt++) pause.after(new Error('connection refused'), 1);
  expect(pause.after(new Error('connection refused'), 1)).toBe(30_000);
  pause.recovered();
  expect(pause.after(new Error('forbidden'), 1)).toBeLessThanOrEqual(2_400);
});
