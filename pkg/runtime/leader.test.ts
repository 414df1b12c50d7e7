import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FakeClock, fakeClock } from './clock.ts';
import { type LeaderOptions, runLeader } from './leader.ts';
import type { LeaseRecord, LeaseStore } from './lease-store.ts';
import { type Log, silentLog } from './log.ts';

/** What can happen to one request: it takes its time, is lost on the way there or back, or never ends. */
type Fate = {
  readonly kind: 'answered' | 'refused' | 'answerLost' | 'hangs';
  readonly thereMs: number;
  readonly backMs: number;
};
const PROMPT: Fate = { kind: 'answered', thereMs: 1, backMs: 1 };
const REFUSED: Fate = { ...PROMPT, kind: 'refused' };
const HANGS: Fate = { ...PROMPT, kind: 'hangs' };

/** One record that all candidates share, with the same promises as a real store. */
function sharedStore(clock: FakeClock) {
  const state: { current: { record: LeaseRecord; version: string } | undefined; version: number } = {
    current: undefined,
    version: 0,
  };
  const viewOf = (fate: () => Fate): LeaseStore => {
    const pass = async <T>(act: () => T, signal: AbortSignal): Promise<T> => {
      const { kind, thereMs, backMs } = fate();
      if (kind === 'hangs') return await new Promise<never>(() => {}); // not even the signal ends it
      await clock.sleep(thereMs, signal);
      if (kind === 'refused') throw new Error('connection refused');
      const result = act();
      await clock.sleep(backMs, signal);
      if (kind === 'answerLost') throw new Error('connection reset');
      return result;
    };
    return {
      read: (signal) => pass(() => state.current, signal),
      write: (record, version, signal) =>
        pass(() => {
          if (version !== state.current?.version) return 'conflict' as const;
          state.current = { record, version: String(++state.version) };
          return { version: state.current.version };
        }, signal),
    };
  };
  return { state, viewOf };
}

interface Candidate {
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  isActing(): boolean;
  terms(): number;
}

function candidate(
  clock: FakeClock,
  options: Partial<LeaderOptions> & Pick<LeaderOptions, 'store' | 'identity'>,
): Candidate {
  const stop = new AbortController();
  let acting = 0;
  let terms = 0;
  const ended = runLeader({
    clock,
    signal: stop.signal,
    log: silentLog,
    async lead(signal) {
      acting++;
      terms++;
      await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
      acting--;
    },
    ...options,
  });
  return { stop, ended, isActing: () => acting > 0, terms: () => terms };
}

describe('runLeader', () => {
  test('the first to come leads, and gives the lease up when it is stopped', async () => {
    const clock = fakeClock();
    const { state, viewOf } = sharedStore(clock);
    const one = candidate(clock, { store: viewOf(() => PROMPT), identity: 'one' });
    const other = candidate(clock, { store: viewOf(() => PROMPT), identity: 'other' });
    await clock.advance(60_000);
    expect([one.isActing(), other.isActing()]).toEqual([true, false]);
    expect(state.current?.record).toMatchObject({ holder: 'one', transitions: 0 });

    one.stop.abort();
    await clock.advance(2_100);
    await one.ended;
    expect([one.isActing(), other.isActing()]).toEqual([false, true]);
    expect(state.current?.record).toMatchObject({ holder: 'other', transitions: 1 });
    other.stop.abort();
    await clock.advance(10);
    await other.ended;
  });

  test('one that dies without a word is followed after the duration of the lease, and not before', async () => {
    const clock = fakeClock();
    const { viewOf } = sharedStore(clock);
    let isDead = false;
    candidate(clock, { store: viewOf(() => (isDead ? HANGS : PROMPT)), identity: 'one' });
    await clock.advance(10_000);
    const other = candidate(clock, { store: viewOf(() => PROMPT), identity: 'other' });
    await clock.advance(10_000);
    isDead = true;
    await clock.advance(12_500);
    expect(other.isActing()).toBe(false);
    await clock.advance(6_000);
    expect(other.isActing()).toBe(true);
  });

  test('a holder whose store does not answer stops at its deadline, before others can begin', async () => {
    const clock = fakeClock();
    const { viewOf } = sharedStore(clock);
    let isCut = false;
    const one = candidate(clock, {
      store: viewOf(() => (isCut ? HANGS : PROMPT)),
      identity: 'one',
    });
    await clock.advance(3_000);
    isCut = true;
    await clock.advance(10_000);
    expect(one.isActing()).toBe(false);
    isCut = false;
    await clock.advance(8_000);
    expect([one.isActing(), one.terms()]).toEqual([true, 2]);
  });

  test('a holder counts from before it asked: an answer that comes late gives it no more time', async () => {
    const clock = fakeClock();
    const { viewOf } = sharedStore(clock);
    const times = { renewDeadlineMs: 14_500 };
    const fates: Fate[] = [PROMPT, { ...PROMPT, backMs: 7_000 }];
    const one = candidate(clock, { ...times, store: viewOf(() => fates.shift() ?? REFUSED), identity: 'one' });
    await clock.advance(100);
    const other = candidate(clock, { ...times, store: viewOf(() => PROMPT), identity: 'other' });
    for (let second = 0; second < 30; second++) {
      await clock.advance(1_000);
      expect(one.isActing() && other.isActing()).toBe(false);
    }
    expect(other.isActing()).toBe(true);
  });

  test('after an outage of the store the same one leads on, however long it was', async () => {
    const clock = fakeClock();
    const { viewOf } = sharedStore(clock);
    let isAway = false;
    const store = () => viewOf(() => (isAway ? REFUSED : PROMPT));
    const one = candidate(clock, { store: store(), identity: 'one' });
    await clock.advance(500);
    // In the middle of the other's pauses, so that these are the first to ask.
    const others = ['other', 'third'].map((identity) => candidate(clock, { store: store(), identity, retryMs: 500 }));
    await clock.advance(4_000);
    isAway = true;
    await clock.advance(60_000);
    expect([one, ...others].map((each) => each.isActing())).toEqual([false, false, false]);
    isAway = false;
    await clock.advance(3_000);
    expect([one, ...others].map((each) => each.isActing())).toEqual([true, false, false]);
    expect(one.terms()).toBe(2);
  });

  test('a holder that dies in an outage of the store is followed', async () => {
    const clock = fakeClock();
    const { viewOf } = sharedStore(clock);
    let isAway = false;
    let isDead = false;
    candidate(clock, { store: viewOf(() => (isDead ? HANGS : PROMPT)), identity: 'one' });
    await clock.advance(500);
    const other = candidate(clock, { store: viewOf(() => (isAway ? REFUSED : PROMPT)), identity: 'other' });
    await clock.advance(4_000);
    isDead = true;
    isAway = true;
    await clock.advance(60_000);
    isAway = false;
    await clock.advance(9_000);
    expect(other.isActing()).toBe(false);
    await clock.advance(8_000);
    expect(other.isActing()).toBe(true);
  });

  test('one that learns of its loss late has its time to end', async () => {
    const clock = fakeClock();
    const { viewOf } = sharedStore(clock);
    let stoodStillMs = 0;
    const begins: number[] = [];
    const ends: number[] = [];
    const one = candidate(clock, {
      clock: { ...clock, now: () => clock.now() + stoodStillMs },
      store: viewOf(() => PROMPT),
      identity: 'one',
      async lead(signal) {
        begins.push(clock.now());
        await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
        await clock.sleep(1_000, new AbortController().signal);
        ends.push(clock.now());
      },
    });
    await clock.advance(100);
    stoodStillMs = 60_000;
    await clock.advance(4_000);
    expect([begins.length, ends.length]).toEqual([1, 1]);
    await clock.advance(3_000);
    expect([begins.length, ends.length]).toEqual([2, 1]);
    one.stop.abort();
    await clock.advance(3_000);
    await expect(one.ended).resolves.toBeUndefined();
  });

  test('the wall clock of the holder does not matter', async () => {
    const clock = fakeClock();
    const { viewOf } = sharedStore(clock);
    const slow = { ...clock, wall: () => new Date(0) };
    candidate(clock, { clock: slow, store: viewOf(() => PROMPT), identity: 'one' });
    await clock.advance(1_000);
    const other = candidate(clock, { store: viewOf(() => PROMPT), identity: 'other' });
    await clock.advance(120_000);
    expect(other.isActing()).toBe(false);
  });

  test('a renewal whose answer is lost does not cost the lease', async () => {
    const clock = fakeClock();
    const { viewOf } = sharedStore(clock);
    let calls = 0;
    const store = viewOf(() => (++calls % 5 === 0 ? { ...PROMPT, kind: 'answerLost' } : PROMPT));
    const one = candidate(clock, { store, identity: 'one' });
    await clock.advance(120_000);
    expect([one.isActing(), one.terms()]).toEqual([true, 1]);
  });

  test('somebody who takes the lease by hand ends the term at the next renewal', async () => {
    const clock = fakeClock();
    const { state, viewOf } = sharedStore(clock);
    const one = candidate(clock, { store: viewOf(() => PROMPT), identity: 'one' });
    await clock.advance(5_000);
    const record = state.current?.record as LeaseRecord;
    state.current = { record: { ...record, holder: 'kubectl' }, version: 'by hand' };
    await clock.advance(2_500);
    expect(one.isActing()).toBe(false);
    expect(state.current.record.holder).toBe('kubectl'); // and is not overwritten by the release
  });

  test('the error of what leads ends it, after the lease is given up', async () => {
    const clock = fakeClock();
    const { state, viewOf } = sharedStore(clock);
    const lead = () => Promise.reject(new Error('a defect'));
    const one = candidate(clock, { store: viewOf(() => PROMPT), identity: 'one', lead });
    const outcome = one.ended.then(
      () => 'ended',
      (error: Error) => error.message,
    );
    await clock.advance(100);
    expect(await outcome).toBe('a defect');
    expect(state.current?.record.holder).toBe('');
  });

  test('what leads may end by throwing the reason of its signal', async () => {
    const clock = fakeClock();
    const { viewOf } = sharedStore(clock);
    let isCut = false;
    const one = candidate(clock, {
      store: viewOf(() => (isCut ? REFUSED : PROMPT)),
      identity: 'one',
      lead: (signal) => clock.sleep(1e9, signal),
    });
    await clock.advance(3_000);
    isCut = true;
    await clock.advance(20_000);
    isCut = false;
    one.stop.abort();
    await clock.advance(3_000);
    await expect(one.ended).resolves.toBeUndefined();
  });

  test('what leads and does not end in time after a loss ends the process', async () => {
    const clock = fakeClock();
    const { viewOf } = sharedStore(clock);
    let isCut = false;
    const one = candidate(clock, {
      store: viewOf(() => (isCut ? REFUSED : PROMPT)),
      identity: 'one',
      lead: () => new Promise(() => {}),
    });
    const outcome = one.ended.catch((error: Error) => error.message);
    isCut = false;
    await clock.advance(100);
    isCut = true;
    await clock.advance(15_000);
    expect(await outcome).toMatch(/did not end after the loss of the lease within 5000 ms/);
  });

  test('goes on renewing while what leads is being stopped', async () => {
    const clock = fakeClock();
    const { state, viewOf } = sharedStore(clock);
    const lead = async (signal: AbortSignal) => {
      await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
      await clock.sleep(18_000, new AbortController().signal); // cleaning up
    };
    const one = candidate(clock, { store: viewOf(() => PROMPT), identity: 'one', lead });
    const other = candidate(clock, { store: viewOf(() => PROMPT), identity: 'other' });
    await clock.advance(1_000);
    one.stop.abort();
    await clock.advance(17_900);
    expect([state.current?.record.holder, other.isActing()]).toEqual(['one', false]);
    await clock.advance(2_300);
    expect(other.isActing()).toBe(true);
  });

  test('refuses times that cannot work', async () => {
    const clock = fakeClock();
    const { viewOf } = sharedStore(clock);
    const store = viewOf(() => PROMPT);
    await expect(candidate(clock, { store, identity: 'x', renewDeadlineMs: 20_000 }).ended).rejects.toThrow(/15000/);
    await expect(candidate(clock, { store, identity: 'x', retryMs: 10_000 }).ended).rejects.toThrow(/retryMs/);
  });

  test('a term is logged at its begin and its loss, with the identity', async () => {
    const clock = fakeClock();
    const { viewOf } = sharedStore(clock);
    const lines: unknown[] = [];
    const note = (fields: object) => (more: object, message: string) =>
      void lines.push({ ...fields, ...more, message });
    const log = (fields: object): Log => ({
      debug: note(fields),
      info: note(fields),
      warn: note(fields),
      error: note(fields),
      child: (more) => log({ ...fields, ...more }),
    });
    candidate(clock, { store: viewOf(() => PROMPT), identity: 'one', log: log({}) });
    await clock.advance(100);
    expect(lines).toEqual([{ identity: 'one', message: 'lease acquired' }]);
  });
});

/** A candidate's requests: a list of fates that it goes through, then prompt answers. */
const fate: fc.Arbitrary<Fate> = fc.record({
  kind: fc.constantFrom<Fate['kind']>('answered', 'answered', 'answered', 'refused', 'answerLost', 'hangs'),
  thereMs: fc.oneof(fc.nat(50), fc.nat(7_000)),
  backMs: fc.oneof(fc.nat(50), fc.nat(7_000)),
});

// Supports NET-21.
test('whatever happens to their requests, at most one of three acts at any time, and in the end one does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fate, { maxLength: 15 }), { minLength: 3, maxLength: 3 }),
      fc.array(fc.nat(4_000), { minLength: 3, maxLength: 3 }),
      fc.constantFrom(10_000, 14_500),
      async (fates, starts, renewDeadlineMs) => {
        const clock = fakeClock();
        const { viewOf } = sharedStore(clock);
        const acting = new Set<number>();
        let most = 0;
        const stops = fates.map((list, index) => {
          const stop = new AbortController();
          const queue = [...list];
          clock.timer(() => {
            void runLeader({
              clock,
              identity: `candidate-${index}`,
              renewDeadlineMs,
              store: viewOf(() => queue.shift() ?? PROMPT),
              signal: stop.signal,
              log: silentLog,
              async lead(signal) {
                acting.add(index);
                most = Math.max(most, acting.size);
                await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
                acting.delete(index);
              },
            });
          }, starts[index] ?? 0);
          return stop;
        });
        await clock.advance(150_000); // 15 requests of at most 7 s for each, and the time to take over
        expect(most).toBe(1);
        expect(acting.size).toBe(1);
        for (const stop of stops) stop.abort();
        await clock.advance(10_000);
        expect(acting.size).toBe(0);
      },
    ),
    { numRuns: 30 },
  );
}, 60_000);
