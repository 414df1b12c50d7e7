/** Longest delay that a timer of Node takes; above it fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Time as an argument, so that tests need not wait. */
export interface Clock {
  /** Monotonic milliseconds: for leases, expiry and probes, since wall clocks jump and differ. */
  now(): number;
  /** Wall time: for what people and other clusters read. */
  wall(): Date;
  /** Resolves after `ms`; rejects with `signal.reason` as soon as the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Runs `fn` once after `ms`, clamped to 2^31−1; disposing cancels. */
  timer(fn: () => void, ms: number): Disposable;
}

function sleepOn(clock: Pick<Clock, 'timer'>, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    if (signal.aborted) {
      fail(signal.reason);
      return;
    }
    const onAbort = () => {
      timer[Symbol.dispose]();
      fail(signal.reason);
    };
    const timer = clock.timer(() => {
      signal.removeEventListener('abort', onAbort);
      done();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => new Date(),
  sleep: (ms, signal) => sleepOn(systemClock, ms, signal),
  timer(fn, ms) {
    const handle = setTimeout(fn, Math.min(Math.max(0, ms), MAX_TIMER_MS));
    return { [Symbol.dispose]: () => clearTimeout(handle) };
  },
};

export interface FakeClock extends Clock {
  /** Moves time; timers that fall due run in order, and what awaits them runs before the next one. */
  advance(ms: number): Promise<void>;
}

/** More than the turns of the event loop that any of our loops takes between two waits. */
const SETTLE_ROUNDS = 3;

/** A clock that stands still until it is told to move. Starts at 0, wall time 2026-01-01. */
export function fakeClock(): FakeClock {
  let time = 0;
  const origin = Date.UTC(2026, 0, 1);
  const timers = new Set<{ at: number; fn: () => void }>();
  /**
   * Lets everything that is already resolved run: a macrotask comes after any chain of microtasks. Some rounds, since
   * loops step aside for a turn of the event loop themselves.
   */
  const settle = async () => {
    for (let round = 0; round < SETTLE_ROUNDS; round++) await new Promise<void>((done) => setImmediate(done));
  };
  const clock: FakeClock = {
    now: () => time,
    wall: () => new Date(origin + time),
    sleep: (ms, signal) => sleepOn(clock, ms, signal),
    timer(fn, ms) {
      const entry = { at: time + Math.max(0, ms), fn };
      timers.add(entry);
      return { [Symbol.dispose]: () => void timers.delete(entry) };
    },
    async advance(ms) {
      const end = time + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter((entry) => entry.at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers.delete(due);
        time = due.at;
        due.fn();
        await settle();
      }
      time = end;
    },
  };
  return clock;
}
