import { expect, test } from 'vitest';
import { TaskGroup } from './task-group.ts';

const never = new AbortController().signal;
const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((_, fail) => signal.addEventListener('abort', () => fail(signal.reason), { once: true }));

test('the first error stops all and is what `settled` rejects with, naming the task', async () => {
  await using group = new TaskGroup(never);
  let isOtherEnded = false;
  group.start('other', (signal) => untilAborted(signal).finally(() => (isOtherEnded = true)));
  const cause = new Error('no route');
  group.start('probe', () => Promise.reject(cause));
  await expect(group.settled).rejects.toMatchObject({ message: 'probe: no route', cause });
  await group.stop();
  expect(isOtherEnded).toBe(true);
});

test('an error that is thrown before the first await is no different', async () => {
  await using group = new TaskGroup(never);
  group.start('flags', () => {
    throw new TypeError('undefined is not a flag');
  });
  await expect(group.settled).rejects.toThrow('flags: undefined is not a flag');
});

test('stopping waits for every task, the last one started first', async () => {
  const group = new TaskGroup(never);
  const ended: string[] = [];
  for (const name of ['first', 'second']) {
    group.start(name, async (signal) => {
      await untilAborted(signal).catch(() => {});
      await new Promise((done) => setImmediate(done));
      ended.push(name);
    });
  }
  await Promise.all([group.stop(), group.stop()]);
  expect(ended).toHaveLength(2);
});

test('the end of the parent ends the group without an error', async () => {
  const parent = new AbortController();
  await using group = new TaskGroup(parent.signal);
  group.start('loop', untilAborted);
  parent.abort(new Error('SIGTERM'));
  await expect(group.settled).resolves.toBeUndefined();
});

test('a task that ends by itself ends nothing else, and nothing starts after the end of the group', async () => {
  const group = new TaskGroup(never);
  group.start('short', () => Promise.resolve());
  await Promise.resolve();
  expect(group.signal.aborted).toBe(false);
  await group.stop();
  let isStarted = false;
  group.start('late', () => Promise.resolve(void (isStarted = true)));
  expect(isStarted).toBe(false);
});

test('nobody has to listen: an error without a listener is no unhandled rejection', async () => {
  const group = new TaskGroup(never);
  group.start('loop', () => Promise.reject(new Error('unheard')));
  await group.stop();
  await new Promise((done) => setImmediate(done)); // the runner fails the file on an unhandled rejection
});
