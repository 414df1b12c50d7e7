import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatQuantity, parseQuantity, type Quantity } from './quantity.ts';

describe('parseQuantity', () => {
  test.each([
    ['1.5Gi', 1_610_612_736n * 1_000_000_000n],
    ['100m', 100_000_000n],
    ['2e3', 2_000n * 1_000_000_000n],
    ['1E', 10n ** 27n],
    ['.5', 500_000_000n],
    ['5.', 5_000_000_000n],
    ['-2Ki', -2048n * 1_000_000_000n],
    ['1n', 1n],
    ['0.1n', 1n], // finer than a nano unit: away from zero, as the API server rounds
    ['9007199254740993', 9_007_199_254_740_993n * 1_000_000_000n],
  ])('reads %s', (text, nano) => {
    expect(parseQuantity(text)).toBe(nano);
  });

  test.each(['', 'much', '1 Gi', '1gi', '1KiB', '--1', '1e', '0x10', '1.2.3', 'NaN', '9'.repeat(65)])(
    'refuses “%s” and says so',
    (text) => {
      expect(() => parseQuantity(text)).toThrow(/is not a quantity/);
    },
  );
});

test('what is written reads back as the same amount, in both formats', () => {
  fc.assert(
    fc.property(
      fc.bigInt(-(10n ** 30n), 10n ** 30n),
      fc.constantFrom('decimal' as const, 'binary' as const),
      (nano, format) => {
        expect(parseQuantity(formatQuantity(nano as Quantity, format))).toBe(nano);
      },
    ),
  );
});

test('equal amounts have one text', () => {
  expect(formatQuantity(parseQuantity('1000m'))).toBe('1');
  expect(formatQuantity(parseQuantity('2048Ki'), 'binary')).toBe('2Mi');
  expect(formatQuantity(parseQuantity('1500m'))).toBe('1500m');
});
