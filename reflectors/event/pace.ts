import { LRUCache } from 'lru-cache';
import type { Clock } from '#pkg/runtime';

/** So many at once, and so many a second in the long run (a token bucket). */
export interface Allowance {
  /** True, and one less left; false where none is left now. */
  take(): boolean;
}

export function allowance(
  { burst, perSecond }: { readonly burst: number; readonly perSecond: number },
  clock: Pick<Clock, 'now'>,
): Allowance {
  let left = burst;
  let countedAt = clock.now();
  return {
    take() {
      const now = clock.now();
      left = Math.min(burst, left + ((now - countedAt) / 1_000) * perSecond);
      countedAt = now;
      if (left < 1) return false;
      left -= 1;
      return true;
    },
  };
}

/** Turns of many keys, each of which has one in `everyMs` at most. */
export interface Turns {
  /** Keeps the next turn of `key` that nobody has. @returns when it is (monotonic ms): now, or later */
  reserve(key: string): number;
  /** Begins a turn, which may come later than it was due. @returns 0, or for how long the one before still counts (ms) */
  begin(key: string): number;
}

/** @param maxKeys keys whose turns are remembered; of more at the same time the one that was idle longest is forgotten */
export function turns(
  { everyMs, maxKeys }: { readonly everyMs: number; readonly maxKeys: number },
  clock: Pick<Clock, 'now'>,
): Turns {
  const freeAt = new LRUCache<string, number>({ max: maxKeys });
  const begunAt = new LRUCache<string, number>({ max: maxKeys });
  return {
    reserve(key) {
      const at = Math.max(clock.now(), freeAt.get(key) ?? 0);
      freeAt.set(key, at + everyMs);
      return at;
    },
    begin(key) {
      const now = clock.now();
      const earlyMs = (begunAt.get(key) ?? Number.NEGATIVE_INFINITY) + everyMs - now;
      if (earlyMs > 0) return earlyMs;
      begunAt.set(key, now);
      return 0;
    },
  };
}
