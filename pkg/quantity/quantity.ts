/**
 * An exact Kubernetes quantity, counted in nano units (10⁻⁹ of the base unit), which is the finest suffix that the API
 * knows. BigInt, so that nothing is ever rounded on the way.
 */
export type Quantity = bigint & { readonly [brand]: 'Quantity' };
declare const brand: unique symbol;

const NANO = 1_000_000_000n;

const BINARY: Record<string, bigint> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
};
/** Power of ten of each decimal suffix. */
const DECIMAL: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

const SYNTAX = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?0*\d{1,3})|(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)?)$/;

/** Longest text that is a quantity; the API server's own numbers end at 2^63−1. Bounds the work on hostile input. */
const MAX_LENGTH = 64;

/**
 * Parses `1.5Gi`, `100m`, `2e3`, `7`. A fraction finer than a nano unit is rounded away from zero, as the API server does.
 * @param where what the text stands for, for the error: for example the name of the resource
 * @throws QuantityError `BadQuantity` (not retryable) with the text
 */
export function parseQuantity(text: string | number, where = 'a quantity'): Quantity {
  const source = String(text);
  const match = source.length <= MAX_LENGTH ? SYNTAX.exec(source) : null;
  if (match === null) throw new QuantityError(source, where);
  const [, sign, digits = '', exponent, suffix = ''] = match;
  const [whole = '', fraction = ''] = digits.split('.');
  const mantissa = BigInt((whole + fraction || '0').padStart(1, '0'));
  const binary = BINARY[suffix];
  const power = exponent === undefined ? (DECIMAL[suffix] ?? 0) : Number(exponent.slice(1));
  const numerator = mantissa * NANO * (binary ?? 1n) * (power > 0 ? 10n ** BigInt(power) : 1n);
  const denominator = 10n ** BigInt(fraction.length + (power < 0 ? -power : 0));
  const magnitude = (numerator + denominator - 1n) / denominator;
  return (sign === '-' ? -magnitude : magnitude) as Quantity;
}

export const ZERO = 0n as Quantity;

/** How a quantity is written: memory-like in powers of two where that is exact, everything else in powers of ten. */
export type Format = 'decimal' | 'binary';

/**
 * The canonical text, as the API server writes it: the greatest suffix with which the number is whole, so equal
 * quantities give equal texts per format. `binary` falls back to decimal where the amount is no whole number of units,
 * and below 1024 units (`1000` bytes are `1k`), both as the API server does.
 */
export function formatQuantity(quantity: Quantity, format: Format = 'decimal'): string {
  if (quantity === 0n) return '0';
  const units = quantity / NANO;
  if (format === 'binary' && quantity % NANO === 0n && (units <= -1024n || units >= 1024n)) {
    for (const suffix of ['Ei', 'Pi', 'Ti', 'Gi', 'Mi', 'Ki']) {
      const size = BINARY[suffix] as bigint;
      if (units % size === 0n) return `${units / size}${suffix}`;
    }
    return String(units);
  }
  for (const [suffix, power] of Object.entries(DECIMAL).toReversed()) {
    const size = 10n ** BigInt(power + 9);
    if (quantity % size === 0n) return `${quantity / size}${suffix}`;
  }
  return `${quantity}n`;
}

/**
 * A text that is no quantity. Not retryable. Has the parts of the project's coded errors without their class, since this
 * package imports nothing.
 */
export class QuantityError extends Error {
  readonly code = 'BadQuantity';
  readonly retryable = false;
  readonly attempted = 'read a quantity';
  readonly where: string;
  readonly why: string;
  readonly next = 'write it as Kubernetes does, for example 500m, 1.5Gi or 2';
  /** What was read, cut to 64 characters. */
  readonly text: string;

  constructor(text: string, where: string) {
    const shown = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
    super();
    this.name = 'QuantityError';
    this.text = shown;
    this.where = where;
    this.why = `“${shown}” is not a quantity`;
    this.message = `${this.attempted}: ${where}: ${this.why}; ${this.next}`;
  }
}
