import { describe, expect, test } from 'vitest';
import { fakeClock, systemClock } from './clock.ts';

const never = new AbortController().signal;

describe('systemClock', () => {
  test('a sleep that is aborted rejects with the reason and leaves no timer', async () => {
    const stop = new AbortController();
    const sleep = systemClock.sleep(60_000, stop.signal);
    stop.abort(new Error('SIGTERM'));
    await expect(sleep).rejects.toThrow('SIGTERM');
    await expect(systemClock.sleep(1, stop.signal)).rejects.toThrow('SIGTERM');
  });

  test('a delay of a year does not fire at once', async () => {
    let isFired = false;
    using _timer = systemClock.timer(() => (isFired = true), 365 * 24 * 3_600_000);
    await systemClock.sleep(5, never);
    expect(isFired).toBe(false);
  });

  test('a sleep that is over has let go of its signal', async () => {
    const stop = new AbortController();
    await systemClock.sleep(1, stop.signal);
    stop.abort(); // would reject a promise that nobody awaits
  });
});

describe('fakeClock', () => {
  test('runs timers in their order, and what waits for them before the next', async () => {
    const clock = fakeClock();
    const seen: string[] = [];
    const wait = async (name: string, ms: number) => {
      await clock.sleep(ms, never);
      seen.push(`${name} ${clock.now()}`);
    };
    void wait('late', 20);
    void wait('early', 10).then(() => wait('after early', 5));
    await clock.advance(20);
    expect(seen).toEqual(['early 10', 'after early 15', 'late 20']);
    expect(clock.wall().toISOString()).toBe('2026-01-01T00:00:00.020Z');
  });

  test('a timer that is disposed does not run', async () => {
    const clock = fakeClock();
    let isFired = false;
    clock.timer(() => (isFired = true), 5)[Symbol.dispose]();
    await clock.advance(10);
    expect(isFired).toBe(false);
  });
});
