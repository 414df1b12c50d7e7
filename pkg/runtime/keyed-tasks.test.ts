import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fakeClock } from './clock.ts';
import { keyedTasks } from './keyed-tasks.ts';
import { silentLog } from './log.ts';

const never = new AbortController().signal;
const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((_, fail) => {
    if (signal.aborted) fail(signal.reason);
    signal.addEventListener('abort', () => fail(signal.reason), { once: true });
  });

test('a failing key is started again with growing waits and disturbs no other', async () => {
  const clock = fakeClock();
  const starts: Record<string, number[]> = { good: [], bad: [] };
  await using tasks = keyedTasks(
    never,
    async (key, signal) => {
      starts[key]?.push(clock.now());
      if (key === 'bad') throw new Error('no route');
      await untilAborted(signal);
    },
    { log: silentLog, clock, backoff: () => ({ next: doubling(), reset() {} }) },
  );
  tasks.set(['good', 'bad']);
  await clock.advance(7_000);
  expect(starts).toEqual({ good: [0], bad: [0, 1_000, 3_000, 7_000] });
});

const doubling = () => {
  let wait = 500;
  return () => (wait *= 2);
};

test('after a minute of health the waits begin anew', async () => {
  const clock = fakeClock();
  const waits: number[] = [];
  let ended = 0;
  await using tasks = keyedTasks(
    never,
    async (_key, signal) => {
      waits.push(clock.now() - ended);
      await clock.sleep(waits.length === 3 ? 60_000 : 10, signal);
      ended = clock.now();
      throw new Error('broken');
    },
    {
      log: silentLog,
      clock,
      backoff: () => {
        let wait = 500;
        return { next: () => (wait *= 2), reset: () => void (wait = 500) };
      },
    },
  );
  tasks.set(['peer']);
  await clock.advance(70_000);
  expect(waits.slice(1, 5)).toEqual([1_000, 2_000, 1_000, 2_000]);
});

test('after its disposal nothing runs and nothing starts', async () => {
  let running = 0;
  const tasks = keyedTasks(
    never,
    async (_key, signal) => {
      running++;
      await untilAborted(signal).finally(() => running--);
    },
    { log: silentLog },
  );
  tasks.set(['a', 'b']);
  await Promise.resolve();
  expect(running).toBe(2);
  await tasks[Symbol.asyncDispose]();
  tasks.set(['a', 'b', 'c']);
  await new Promise((done) => setImmediate(done));
  expect(running).toBe(0);
});

const keys = fc.constantFrom('a', 'b', 'c');
const step = fc.oneof(
  fc.record({ do: fc.constant('set' as const), keys: fc.uniqueArray(keys) }),
  fc.record({ do: fc.constant('restart' as const), key: keys }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.nat(400) }),
);

test('no key ever has two tasks, and in the end exactly the wanted ones run, however slowly tasks end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.nat(500), async (steps, slownessMs) => {
      const clock = fakeClock();
      const running = new Set<string>();
      const tasks = keyedTasks(
        never,
        async (key, signal) => {
          expect(running.has(key)).toBe(false);
          running.add(key);
          await untilAborted(signal).catch(() => {});
          await clock.sleep(slownessMs, never);
          running.delete(key);
        },
        { log: silentLog, clock },
      );
      let wanted: string[] = [];
      for (const one of steps) {
        if (one.do === 'set') tasks.set((wanted = one.keys));
        else if (one.do === 'restart') tasks.restart(one.key);
        else await clock.advance(one.ms);
        expect(new Set(tasks.keys())).toEqual(new Set(wanted));
      }
      await clock.advance(30_000);
      expect(running).toEqual(new Set(wanted));
      const end = tasks[Symbol.asyncDispose]();
      await clock.advance(1_000);
      await end;
      expect(running.size).toBe(0);
    }),
    { numRuns: 50 },
  );
});

test('says when what was stopped has ended', async () => {
  const ended = Promise.withResolvers<void>();
  await using tasks = keyedTasks(
    new AbortController().signal,
    async (_key, signal) => {
      await new Promise((done) => signal.addEventListener('abort', done, { once: true }));
      await ended.promise;
    },
    { log: silentLog },
  );
  tasks.set(['rome']);
  await new Promise((next) => setImmediate(next));
  tasks.set([]);
  let isStopped = false;
  const stopped = tasks.stopped().then(() => {
    isStopped = true;
  });
  await new Promise((next) => setImmediate(next));
  expect(isStopped).toBe(false);
  ended.resolve();
  await stopped;
  expect(isStopped).toBe(true);
});
