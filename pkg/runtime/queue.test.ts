import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fakeClock } from './clock.ts';
import { createQueue } from './queue.ts';
import type { Priority } from './queue-interface.ts';

const never = new AbortController().signal;

function setup() {
  const clock = fakeClock();
  return { clock, queue: createQueue({ name: 'test', clock, random: () => 0 }) };
}

describe('createQueue', () => {
  test('a key that is added many times waits once', async () => {
    const { queue } = setup();
    for (let i = 0; i < 100; i++) queue.add('a');
    queue.add('b');
    expect(queue.depth).toBe(2);
    expect([await queue.take(never), await queue.take(never)]).toEqual(['a', 'b']);
  });

  test('what changes while its key is worked is worked once more, after that', async () => {
    const { queue } = setup();
    queue.add('a');
    await queue.take(never);
    queue.add('a');
    queue.add('a');
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(queue.depth).toBe(1);
  });

  test('keys of the initial list let changes go first', async () => {
    const { queue } = setup();
    queue.add('listed', { priority: 'low' });
    queue.add('listed and changed', { priority: 'low' });
    queue.add('changed');
    queue.add('listed and changed');
    const order = [await queue.take(never), await queue.take(never), await queue.take(never)];
    expect(order).toEqual(['changed', 'listed and changed', 'listed']);
  });

  test('a failing key waits twice as long each time, at most 15 s, until it is forgotten', async () => {
    const { clock, queue } = setup();
    const waits: number[] = [];
    for (let i = 0; i < 14; i++) {
      queue.addRateLimited('a');
      const start = clock.now();
      while (queue.depth === 0) await clock.advance(1);
      waits.push(clock.now() - start);
      queue.done(await queue.take(never));
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240, 15_000, 15_000]);
    queue.forget('a');
    queue.addRateLimited('a');
    await clock.advance(5);
    expect(queue.depth).toBe(1);
  });

  test('a change ends the wait of a failing key', () => {
    const { queue } = setup();
    queue.addAfter('a', 10_000);
    queue.add('a');
    expect(queue.depth).toBe(1);
  });

  test('a delay that is no number is refused instead of becoming a loop', () => {
    const { queue } = setup();
    expect(() => queue.addAfter('a', Number.NaN)).toThrow(RangeError);
  });

  test('a delay longer than a timer can be does not fire at once', async () => {
    const { clock, queue } = setup();
    queue.addAfter('a', 365 * 24 * 3_600_000);
    await clock.advance(20 * 24 * 3_600_000);
    expect(queue.depth).toBe(0);
  });

  test('who stops waiting takes no key away from others', async () => {
    const { queue } = setup();
    const impatient = new AbortController();
    const first = queue.take(impatient.signal);
    const second = queue.take(never);
    impatient.abort(new Error('enough'));
    queue.add('a');
    await expect(first).rejects.toThrow('enough');
    expect(await second).toBe('a');
  });

  test('a closed queue starts no timer and takes nothing in', async () => {
    const { clock, queue } = setup();
    queue.addAfter('a', 5);
    queue.add('b');
    queue[Symbol.dispose]();
    queue.add('c');
    queue.addRateLimited('d');
    await clock.advance(60_000);
    expect(queue.depth).toBe(0);
  });

  test('100,000 keys drain in time proportional to their number', async () => {
    const { queue } = setup();
    for (let i = 0; i < 100_000; i++) queue.add(`shop/pod-${i}`);
    const start = performance.now();
    for (let i = 0; i < 100_000; i++) queue.done(await queue.take(never));
    // 0.1 s here; 3.5 s when each take walked over the slots of those before it
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

/** What a queue is, written for reading and not for speed. */
class SlowQueue {
  now = 0;
  waiting: { key: string; priority: Priority }[] = [];
  worked: string[] = [];
  again = new Map<string, Priority>();
  delayed: { key: string; at: number }[] = [];
  takers = 0;
  given: string[] = [];

  add(key: string, priority: Priority) {
    this.delayed = this.delayed.filter((one) => one.key !== key);
    const standing = this.waiting.find((one) => one.key === key);
    if (this.worked.includes(key)) {
      this.again.set(key, this.again.get(key) === 'high' ? 'high' : priority);
    } else if (standing === undefined || (standing.priority === 'low' && priority === 'high')) {
      this.waiting = [...this.waiting.filter((one) => one !== standing), { key, priority }];
    }
    this.serve();
  }
  addAfter(key: string, ms: number) {
    const at = this.now + ms;
    if (ms === 0) this.add(key, 'high');
    else if (!this.delayed.some((one) => one.key === key && one.at <= at)) {
      this.delayed = [...this.delayed.filter((one) => one.key !== key), { key, at }];
    }
  }
  take() {
    this.takers++;
    this.serve();
  }
  serve() {
    while (this.takers > 0 && this.waiting.length > 0) {
      const next = this.waiting.find((one) => one.priority === 'high') ?? this.waiting[0];
      this.waiting = this.waiting.filter((one) => one !== next);
      this.takers--;
      this.worked.push(next?.key ?? '');
      this.given.push(next?.key ?? '');
    }
  }
  done(key: string) {
    this.worked = this.worked.filter((one) => one !== key);
    const priority = this.again.get(key);
    this.again.delete(key);
    if (priority !== undefined) this.add(key, priority);
  }
  advance(ms: number) {
    const end = this.now + ms;
    for (;;) {
      const due = this.delayed.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.now = due.at;
      this.add(due.key, 'high');
    }
    this.now = end;
  }
}

const keys = fc.constantFrom('a', 'b', 'c', 'd');
const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), key: keys, priority: fc.constantFrom<Priority>('high', 'low') }),
  fc.record({ do: fc.constant('addAfter' as const), key: keys, ms: fc.nat(20) }),
  fc.record({ do: fc.constant('done' as const), key: keys }),
  fc.record({ do: fc.constant('take' as const) }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.nat(20) }),
);

test('does what the slow model does, whatever happens in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, queue } = setup();
      const model = new SlowQueue();
      const given: string[] = [];
      for (const one of steps) {
        if (one.do === 'add') queue.add(one.key, { priority: one.priority });
        else if (one.do === 'addAfter') queue.addAfter(one.key, one.ms);
        else if (one.do === 'done') queue.done(one.key);
        else if (one.do === 'take') void queue.take(never).then((key) => given.push(key));
        else await clock.advance(one.ms);
        if (one.do === 'add') model.add(one.key, one.priority);
        else if (one.do === 'addAfter') model.addAfter(one.key, one.ms);
        else if (one.do === 'done') model.done(one.key);
        else if (one.do === 'take') model.take();
        else model.advance(one.ms);
        await Promise.resolve();
        expect({ given, depth: queue.depth }).toEqual({ given: model.given, depth: model.waiting.length });
        expect(new Set(model.worked).size).toBe(model.worked.length);
      }
    }),
    { numRuns: 300 },
  );
});
