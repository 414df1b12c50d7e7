import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lineSplitter } from './lines.ts';

describe('lineSplitter', () => {
  test('gives the same lines wherever the chunks are cut, also inside of a character', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.replaceAll('\n', ' '))),
        fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1 }),
        (texts, sizes) => {
          const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
          const splitter = lineSplitter(10_000);
          const seen: string[] = [];
          let at = 0;
          for (let i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length] ?? 1;
            splitter.push(bytes.subarray(at, at + size), (text) => seen.push(text));
            at += size;
          }
          expect(seen).toEqual(texts.filter((text) => text !== ''));
          expect(splitter.isInsideLine).toBe(false);
        },
      ),
    );
  });

  test('says how many bytes a line has, not how many characters', () => {
    const sizes: number[] = [];
    lineSplitter(100).push(Buffer.from('äöü\nabc\n'), (_text, bytes) => sizes.push(bytes));
    expect(sizes).toEqual([6, 3]);
  });

  test('refuses a line above the limit, in one chunk or many, finished or not', () => {
    expect(lineSplitter(3).push(Buffer.from('abcd\n'), () => {})).toBe(false);
    expect(lineSplitter(3).push(Buffer.from('abc\n'), () => {})).toBe(true);
    const splitter = lineSplitter(3);
    expect(splitter.push(Buffer.from('ab'), () => {})).toBe(true);
    expect(splitter.push(Buffer.from('cd'), () => {})).toBe(false);
  });
});
