import type { Clock } from './clock.ts';
import type { LevelLoop } from './level-loop.ts';

/** Pokes `loop` at most once in `withinMs`, for what changes by hundreds and may wait as long. After disposal it pokes no more. */
export function pokeSoon(loop: Pick<LevelLoop, 'poke'>, withinMs: number, clock: Clock): { poke(): void } & Disposable {
  let timer: Disposable | undefined;
  return {
    poke() {
      timer ??= clock.timer(() => {
        timer = undefined;
        loop.poke();
      }, withinMs);
    },
    [Symbol.dispose]: () => timer?.[Symbol.dispose](),
  };
}
