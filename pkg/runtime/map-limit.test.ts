import { expect, test } from 'vitest';
import { mapLimit } from './map-limit.ts';

const turn = () => new Promise((done) => setImmediate(done));

test('gives results in the order of the items and never runs more than the limit at once', async () => {
  let running = 0;
  let most = 0;
  const results = await mapLimit([5, 1, 4, 2, 3], 2, async (turns) => {
    most = Math.max(most, ++running);
    for (let i = 0; i < turns; i++) await turn();
    running--;
    return turns * 10;
  });
  expect(results).toEqual([50, 10, 40, 20, 30]);
  expect(most).toBe(2);
});

test('the first error in time stops new starts, and is thrown after the running ones have ended', async () => {
  const ended: number[] = [];
  const work = async (item: number) => {
    if (item === 2) throw new Error('second');
    await turn();
    ended.push(item);
    if (item === 1) throw new Error('first, but later');
  };
  await expect(mapLimit([1, 2, 3, 4], 2, work)).rejects.toThrow('second');
  expect(ended).toEqual([1]);
});

test('a limit below one is refused, since nothing would ever run', async () => {
  await expect(mapLimit([1], 0, turn)).rejects.toThrow(RangeError);
  await expect(mapLimit([1], Number.NaN, turn)).rejects.toThrow(RangeError);
});
