import { expect, test } from 'vitest';
import { type Clock, systemClock } from '#pkg/runtime';
import { PathMtus } from './path-mtus.ts';

/** One path that carries `limit` bytes, looked at each second. */
function setUp(known?: number) {
  let now = 0;
  const clock: Clock = { ...systemClock, now: () => now };
  const path = { limit: 1_440, state: 'up' as 'up' | 'down', asked: [] as number[] };
  let changes = 0;
  const mtus = new PathMtus(clock, () => (changes += 1));
  const prober = {
    states: () => new Map([['rome', { state: path.state }]]),
    async probeSize(_: string, bytes: number) {
      path.asked.push(bytes);
      return path.state === 'up' && bytes <= path.limit;
    },
  };
  return {
    path,
    changes: () => changes,
    mtu: () => mtus.current().get('rome'),
    async wait(seconds: number) {
      for (const end = now + seconds * 1_000; now < end; now += 1_000) {
        mtus.look(new Map([['rome', known]]), prober, { largest: 1_440, version: 4 });
        await new Promise((done) => setImmediate(done));
      }
    },
  };
}

test('one probe tells that nothing is in the way, and one each five seconds that it stays so', async () => {
  const { path, mtu, changes, wait } = setUp();
  await wait(1);
  expect([mtu(), path.asked, changes()]).toEqual([1_440, [1_440], 1]);
  await wait(60);
  expect(path.asked.length).toBeLessThan(15);
  expect([mtu(), changes()]).toEqual([1_440, 1]);
});

test('a path that carries less all at once is noticed within seconds, and one that carries more within minutes', async () => {
  const { path, mtu, wait } = setUp();
  await wait(2);
  path.limit = 1_340;
  await wait(6);
  expect(mtu()).toBe(1_328);
  path.limit = 1_440;
  await wait(62);
  expect(mtu()).toBe(1_440);
  await wait(300);
  path.limit = 1_340;
  await wait(6);
  await wait(120);
  path.limit = 1_440;
  await wait(8 * 60);
  expect(mtu()).toBe(1_328);
  await wait(3 * 60);
  expect(mtu()).toBe(1_440);
});

test('what another replica found counts until it was looked at, and a silent path says nothing', async () => {
  const { path, mtu, wait } = setUp(1_328);
  path.state = 'down';
  await wait(10);
  expect([mtu(), path.asked]).toEqual([1_328, []]);
  path.state = 'up';
  await wait(1);
  expect(mtu()).toBe(1_440);
  path.limit = 100;
  await wait(10);
  expect(mtu()).toBe(1_440);
});
