import { expect, test } from 'vitest';
import { fakeClock } from './clock.ts';
import { withDeadline } from './with-deadline.ts';

const never = new AbortController().signal;
const options = { ms: 100, overdue: 'the server gave no answer' };

test('rejects after its time, also where the work does not listen', async () => {
  const clock = fakeClock();
  const result = withDeadline(() => new Promise(() => {}), { ...options, clock, signal: never }).catch(
    (error: Error) => error.message,
  );
  await clock.advance(100);
  expect(await result).toBe('the server gave no answer within 100 ms');
});

test('gives the result of work that ends in time, and no timer stays', async () => {
  const clock = fakeClock();
  let signalOfWork: AbortSignal | undefined;
  const work = async (signal: AbortSignal) => {
    signalOfWork = signal;
    await clock.sleep(99, signal);
    return 'answer';
  };
  const result = withDeadline(work, { ...options, clock, signal: never });
  await clock.advance(1_000);
  expect([await result, signalOfWork?.aborted]).toEqual(['answer', false]);
});

test('rejects with the reason of the caller, and does not begin after that', async () => {
  const clock = fakeClock();
  const stop = new AbortController();
  const result = withDeadline(() => new Promise(() => {}), { ...options, clock, signal: stop.signal });
  stop.abort(new Error('SIGTERM'));
  await expect(result).rejects.toThrow('SIGTERM');
  let isBegun = false;
  const late = withDeadline(() => Promise.resolve((isBegun = true)), { ...options, clock, signal: stop.signal });
  await expect(late).rejects.toThrow('SIGTERM');
  expect(isBegun).toBe(false);
});
