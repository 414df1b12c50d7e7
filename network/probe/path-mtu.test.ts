import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { searchPathMtu } from './path-mtu.ts';

/** A path that carries `limit` bytes, and what was tried on it. */
function path(limit: number) {
  const tried: number[] = [];
  return { tried, passes: async (bytes: number) => tried.push(bytes) > 0 && bytes <= limit };
}

describe('searchPathMtu', () => {
  test('asks once where nothing is in the way', async () => {
    const { tried, passes } = path(1_440);
    expect(await searchPathMtu({ smallest: 576, largest: 1_440, passes })).toBe(1_440);
    expect(tried).toEqual([1_440]);
  });

  test('finds the hop of 1,400 bytes, of which 1,340 are left and 1,328 are of use', async () => {
    expect(await searchPathMtu({ smallest: 576, largest: 1_440, passes: path(1_328).passes })).toBe(1_328);
  });

  test('asks little where what passed before passes still', async () => {
    const { tried, passes } = path(1_328);
    expect(await searchPathMtu({ smallest: 576, largest: 1_440, known: 1_328, passes })).toBe(1_328);
    expect(tried).toEqual([1_440, 1_328, 1_376, 1_344]);
  });

  test('says nothing of a path that carries nothing', async () => {
    expect(await searchPathMtu({ smallest: 576, largest: 1_440, known: 1_328, passes: path(100).passes })).toBe(
      undefined,
    );
  });

  test('is the largest multiple of 16 that passes, whatever was known', async () => {
    const bytes = fc.integer({ min: 576, max: 9_000 });
    await fc.assert(
      fc.asyncProperty(bytes, bytes, fc.option(bytes, { nil: undefined }), async (limit, largest, known) => {
        const { tried, passes } = path(limit);
        const step = known === undefined ? {} : { known: known - (known % 16) };
        const found = await searchPathMtu({ smallest: 576, largest, passes, ...step });
        expect(found).toBe(limit >= largest ? largest : limit - (limit % 16));
        expect(tried.length).toBeLessThanOrEqual(14);
      }),
    );
  });
});
