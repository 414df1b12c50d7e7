import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Format, formatQuantity, parseQuantity, type Quantity, QuantityError } from './quantity.ts';

const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
/** Below this, a binary quantity is written in powers of ten. */
const KIBI = 1024n * 10n ** 9n;
const formats = fc.constantFrom<Format>('decimal', 'binary');
const amounts = fc.bigInt(-(10n ** 30n), 10n ** 30n) as fc.Arbitrary<Quantity>;

describe('parseQuantity', () => {
  test.each([
    ['1.5Gi', 1_610_612_736n * 1_000_000_000n],
    ['100m', 100_000_000n],
    ['2e3', 2_000n * 1_000_000_000n],
    ['2E-3', 2_000_000n],
    ['2e+0003', 2_000n * 1_000_000_000n],
    ['1E', 10n ** 27n],
    ['.5', 500_000_000n],
    ['5.', 5_000_000_000n],
    ['+5', 5_000_000_000n],
    ['-2Ki', -2048n * 1_000_000_000n],
    ['1n', 1n],
    ['0.1n', 1n], // finer than a nano unit: away from zero, as the API server rounds
    ['-0.1n', -1n],
    ['0', 0n],
    ['-0', 0n],
    ['9007199254740993', 9_007_199_254_740_993n * 1_000_000_000n],
    [0.25, 250_000_000n], // a JSON number
    [1e21, 10n ** 30n],
  ])('reads %s', (text, nano) => {
    expect(parseQuantity(text)).toBe(nano);
  });

  test.each(
    [
      [
        '',
        'much',
        '.',
        '-',
        '1 Gi',
        ' 1',
        '1\n',
        '1gi',
        '1K',
        '1KiB',
        '--1',
        '1e',
        '1e1.5',
        '1e9999',
        '1eKi',
        '0x10',
        '1.2.3',
      ],
      ['NaN', 'Infinity', '１', '9'.repeat(65)],
    ].flat(),
  )('refuses “%s” and says so', (text) => {
    expect(() => parseQuantity(text)).toThrow(QuantityError);
    expect(() => parseQuantity(text)).toThrow(/is not a quantity/);
  });

  test('the error says what the text stands for, and never more than the beginning of it', () => {
    const error = new QuantityError('x'.repeat(10_000), 'memory');
    expect(error.message).toBe(
      `read a quantity: memory: “${'x'.repeat(64)}…” is not a quantity; write it as Kubernetes does, for example 500m, 1.5Gi or 2`,
    );
  });

  test('agrees with shifting the decimal point by hand', () => {
    /** Twelve places after the point in text, then one unit up if anything stands behind the ninth. */
    const byHand = (whole: string, fraction: string, shift: number) => {
      const digits = `${'0'.repeat(40)}${whole}${fraction}${'0'.repeat(60)}`;
      const point = 40 + whole.length + shift;
      const nano = BigInt(digits.slice(0, point + 9));
      return /[1-9]/.test(digits.slice(point + 9)) ? nano + 1n : nano;
    };
    const shifts = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
    const digits = fc.stringMatching(/^\d{1,12}$/);
    const suffix = fc.constantFrom(...(Object.keys(shifts) as (keyof typeof shifts)[]));
    fc.assert(
      fc.property(digits, digits, suffix, fc.boolean(), (whole, fraction, unit, isNegative) => {
        const magnitude = byHand(whole, fraction, shifts[unit]);
        expect(parseQuantity(`${isNegative ? '-' : ''}${whole}.${fraction}${unit}`)).toBe(
          isNegative ? -magnitude : magnitude,
        );
      }),
    );
  });

  test('an exponent is as many zeros, a binary suffix as many doublings', () => {
    fc.assert(
      fc.property(
        fc.nat(10 ** 9),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 1, max: 6 }),
        (n, zeros, step) => {
          expect(parseQuantity(`${n}e${zeros}`)).toBe(parseQuantity(`${n}${'0'.repeat(zeros)}`));
          let doubled = parseQuantity(n);
          for (let i = 0; i < step * 10; i++) doubled = (doubled + doubled) as Quantity;
          expect(parseQuantity(`${n}${['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'][step - 1]}`)).toBe(doubled);
        },
      ),
    );
  });

  test('refuses or reads any text, and never throws anything else', () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^[-+]?[\d.]{0,9}[eEinumkKMGTP]{0,2}[-+]?\d{0,3}$/));
    fc.assert(
      fc.property(texts, (text) => {
        try {
          expect(typeof parseQuantity(text)).toBe('bigint');
        } catch (error) {
          expect(error).toBeInstanceOf(QuantityError);
        }
      }),
    );
  });
});

describe('formatQuantity', () => {
  // What a real API server (1.35) makes of these texts in a stored ResourceQuota.
  test.each<[string, Format, string]>([
    ['1000m', 'decimal', '1'],
    ['1500m', 'decimal', '1500m'],
    ['1.5', 'decimal', '1500m'],
    ['12000', 'decimal', '12k'],
    ['2048Ki', 'binary', '2Mi'],
    ['1.5Gi', 'binary', '1536Mi'],
    ['1025Ki', 'binary', '1025Ki'],
    ['0.5Ki', 'binary', '512'],
    ['1000Ki', 'binary', '1000Ki'],
    ['0.9765625Ki', 'binary', '1k'],
    ['1.1Ki', 'binary', '1126400m'],
    ['0Gi', 'binary', '0'],
  ])('%s, %s is written %s', (text, format, canonical) => {
    expect(formatQuantity(parseQuantity(text), format)).toBe(canonical);
  });

  test('what is written reads back as the same amount, in both formats', () => {
    fc.assert(
      fc.property(amounts, formats, (nano, format) => {
        expect(parseQuantity(formatQuantity(nano, format))).toBe(nano);
      }),
    );
  });

  test('whole numbers only, and no greater suffix of its kind would leave one', () => {
    fc.assert(
      fc.property(amounts, formats, fc.integer({ min: 0, max: 30 }), (seed, format, zeros) => {
        const nano = (seed * 10n ** BigInt(zeros)) as Quantity; // round numbers, which random ones never are
        const text = formatQuantity(nano, format);
        const suffix = /^-?\d+([A-Za-z]*)$/.exec(text)?.[1];
        expect(suffix).toBeDefined();
        const isBinary = format === 'binary' && nano % 10n ** 9n === 0n && (nano <= -KIBI || nano >= KIBI);
        const kind = isBinary ? BINARY : DECIMAL;
        for (const greater of nano === 0n ? [] : kind.slice(kind.indexOf(suffix ?? '') + 1)) {
          expect(nano % parseQuantity(`1${greater}`)).not.toBe(0n);
        }
      }),
    );
  });
});
