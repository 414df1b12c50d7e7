import { decorrelatedJitter } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';
import { errorFields, type Log } from './log.ts';

export interface LevelLoopOptions {
  /** For logs. */
  readonly name: string;
  /** Brings the world to what is wanted now; total and idempotent. */
  readonly work: (signal: AbortSignal) => Promise<void>;
  /** Looked at again after this long although nobody poked: finds what others changed. */
  readonly everyMs: number;
  /** Pokes that come within this time are one. Default 20 ms. */
  readonly settleMs?: number;
  /** Longest that one run may take. Default 30 s. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  readonly log: Log;
}

export interface LevelLoop {
  /** Something that is wanted may have changed. */
  poke(): void;
  /** Works at once, after each poke and on time, one run at a time, until `signal` aborts. A failed run is tried again with back-off. */
  run(signal: AbortSignal): Promise<void>;
}

const RETRY = { minMs: 200, maxMs: 15_000 };

/** Made once: without a reason each abort makes a DOMException with its stack. */
const WOKEN = new Error('woken');

/** A loop over one state, where a queue of keys would have a single key. */
export function levelLoop(options: LevelLoopOptions): LevelLoop {
  const { name, work, everyMs, settleMs = 20, timeoutMs = 30_000, clock = systemClock, log } = options;
  let isPoked = true;
  let wake = (): void => {};
  const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
    const woken = new AbortController();
    wake = () => woken.abort(WOKEN);
    await clock.sleep(ms, AbortSignal.any([signal, woken.signal])).catch(() => {}); // woken, or the loop ends
    wake = () => {};
  };
  return {
    poke() {
      isPoked = true;
      wake();
    },
    async run(signal) {
      const backoff = decorrelatedJitter(RETRY);
      while (!signal.aborted) {
        if (!isPoked) await pause(everyMs, signal);
        if (isPoked) await clock.sleep(settleMs, signal).catch(() => {}); // rejects only at the end
        if (signal.aborted) return;
        isPoked = false;
        try {
          await work(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
          backoff.reset();
        } catch (error) {
          if (signal.aborted) return;
          log.warn({ loop: name, ...errorFields(error) }, 'a run failed and is tried again');
          // A poke does not cut this short: what fails at each change must not run hot.
          await clock.sleep(backoff.next(), signal).catch(() => {}); // rejects only at the end
          isPoked = true;
        }
      }
    },
  };
}
