import { describe, expect, test } from 'vitest';
import { type FakeClock, fakeClock } from './clock.ts';
import { CodedError } from './coded-error.ts';
import { silentLog } from './log.ts';
import { createQueue } from './queue.ts';
import { done, type ReconcileLoopOptions, requeueAfter, runReconciler } from './reconciler.ts';

type Reconcile = (key: string, signal: AbortSignal, clock: FakeClock) => Promise<object>;

function start(reconcile: Reconcile, options: Partial<ReconcileLoopOptions> = {}) {
  const clock = fakeClock();
  const queue = createQueue({ name: 'test', clock, random: () => 0 });
  const stop = new AbortController();
  const calls: string[] = [];
  const reconciler = {
    name: 'test',
    reconcile: (key: string, signal: AbortSignal) => {
      calls.push(`${key} ${clock.now()}`);
      return reconcile(key, signal, clock);
    },
  };
  const ended = runReconciler(reconciler, { queue, signal: stop.signal, log: silentLog, clock, ...options });
  return { clock, queue, stop, calls, ended };
}

describe('runReconciler', () => {
  test('looks again when the result says so', async () => {
    const { queue, clock, calls } = start(() => Promise.resolve(requeueAfter(1_000)));
    queue.add('a');
    await clock.advance(2_500);
    expect(calls).toEqual(['a 0', 'a 1000', 'a 2000']);
  });

  test('an error is tried again with back-off, and success forgets it', async () => {
    let failures = 3;
    const { queue, clock, calls } = start(() =>
      failures-- > 0 ? Promise.reject(new Error('503')) : Promise.resolve(done),
    );
    queue.add('a');
    await clock.advance(10_000);
    expect(calls).toEqual(['a 0', 'a 5', 'a 15', 'a 35']);
    failures = 1;
    queue.add('a');
    await clock.advance(10_000);
    expect(calls.slice(4)).toEqual(['a 10000', 'a 10005']);
  });

  test('an error that trying again cannot help waits for a change', async () => {
    const rules = { Invalid: { retryable: false, next: 'correct it' } };
    const { queue, clock, calls } = start(() =>
      Promise.reject(new CodedError(rules, 'Invalid', { attempted: 'apply', where: 'milan', why: 'no name' })),
    );
    queue.add('a');
    await clock.advance(600_000);
    queue.add('a');
    await clock.advance(600_000);
    expect(calls).toEqual(['a 0', 'a 600000']);
  });

  test('a result in the past, or that is no number, is no loop without a pause', async () => {
    const past = start(() => Promise.resolve(requeueAfter(-1_000)));
    past.queue.add('a');
    await past.clock.advance(20);
    expect(past.calls).toEqual(['a 0', 'a 5', 'a 10', 'a 15', 'a 20']);
    const nothing = start(() => Promise.resolve(requeueAfter(new Date('never').getTime())));
    nothing.queue.add('a');
    await nothing.clock.advance(100);
    expect(nothing.calls).toEqual(['a 0', 'a 5', 'a 15', 'a 35', 'a 75']);
  });

  test('a run that takes too long is aborted and tried again', async () => {
    const { queue, clock, calls } = start((_key, signal, own) => own.sleep(1e9, signal).then(() => done), {
      timeoutMs: 60_000,
    });
    queue.add('a');
    await clock.advance(60_005);
    expect(calls).toEqual(['a 0', 'a 60005']);
  });

  test('works as many keys at once as there are workers, one key never twice', async () => {
    const atOnce = new Map<string, number>();
    let most = 0;
    const { queue, clock } = start(
      async (key, _signal, own) => {
        expect(atOnce.has(key)).toBe(false);
        atOnce.set(key, 1);
        most = Math.max(most, atOnce.size);
        await own.sleep(10, new AbortController().signal);
        atOnce.delete(key);
        return done;
      },
      { workers: 3 },
    );
    for (let round = 0; round < 5; round++) {
      for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key);
      await clock.advance(5);
    }
    await clock.advance(1_000);
    expect([most, queue.depth]).toEqual([3, 0]);
  });

  test('resolves on abort, when the last run has ended', async () => {
    const { queue, clock, stop, ended } = start((_key, signal, own) => own.sleep(1_000, signal).then(() => done));
    queue.add('a');
    await clock.advance(1);
    stop.abort(new Error('SIGTERM'));
    await expect(ended).resolves.toBeUndefined();
  });

  test('a long queue whose answers are all in caches does not hold up the event loop', async () => {
    const spin = () => {
      const until = performance.now() + 0.2;
      while (performance.now() < until);
    };
    const { queue, stop, ended } = start(() => Promise.try(spin).then(() => done));
    let turns = 0;
    const count = setInterval(() => turns++, 1);
    for (let i = 0; i < 500; i++) queue.add(`key-${i}`);
    queue.addRateLimited('unused');
    while (queue.depth > 0) await new Promise((next) => setImmediate(next));
    clearInterval(count);
    stop.abort();
    await ended;
    expect(turns).toBeGreaterThan(3); // 100 ms of work in slices of 8 ms
  });
});
