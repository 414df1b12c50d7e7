import { describe, expect, test } from 'vitest';
import { fakeClock } from '#pkg/runtime';
import { tryLimiter } from './try-limiter.ts';

describe('tries per source', () => {
  test('ten in a minute, then one every six seconds', async () => {
    const clock = fakeClock();
    const limiter = tryLimiter({ clock });
    const tries = Array.from({ length: 11 }, () => limiter.take('198.18.0.2'));
    expect(tries).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6]);
    await clock.advance(6_000);
    expect(limiter.take('198.18.0.2')).toBe(0);
    expect(limiter.take('198.18.0.2')).toBeGreaterThan(0);
  });

  test('sources do not share', () => {
    const limiter = tryLimiter({ clock: fakeClock(), perMinute: 1 });
    expect(limiter.take('198.18.0.2')).toBe(0);
    expect(limiter.take('198.18.0.3')).toBe(0);
    expect(limiter.take('::ffff:198.18.0.2')).toBeGreaterThan(0);
  });

  test('one host cannot hop through its /64', () => {
    const limiter = tryLimiter({ clock: fakeClock(), perMinute: 1 });
    expect(limiter.take('2001:db8:0:1::1')).toBe(0);
    expect(limiter.take('2001:db8:0:1:ffff::2')).toBeGreaterThan(0);
    expect(limiter.take('2001:db8:0:2::1')).toBe(0);
  });

  test('a try that was no guess is given back', () => {
    const limiter = tryLimiter({ clock: fakeClock(), perMinute: 1 });
    expect(limiter.take('a')).toBe(0);
    limiter.refund('a');
    expect(limiter.take('a')).toBe(0);
  });

  test('remembers a bounded number of sources', () => {
    const limiter = tryLimiter({ clock: fakeClock(), perMinute: 1, maxSources: 2 });
    for (const source of ['a', 'b', 'c']) limiter.take(source);
    expect(limiter.take('a')).toBe(0); // forgotten, and that is the price
  });
});
