import { createHash } from 'node:crypto';
import type { SrvRecord } from './resolver.ts';

/** RFC 2782: a target of weight 0 has a very small chance beside others. */
const WEIGHT_OF_ZERO = 0.01;

/**
 * Targets as RFC 2782 wants them tried: by priority, then by chance in proportion to the weight. The chance comes from
 * `seed` and the target and not from a die: many clusters spread over the targets by weight, and each of them sees the
 * same order at every look, so that its objects do not change for nothing.
 */
export function inOrder(records: readonly SrvRecord[], seed: string): SrvRecord[] {
  const drawn = records.map((record) => ({ record, draw: draw(record, seed) }));
  return drawn.toSorted((a, b) => a.record.priority - b.record.priority || a.draw - b.draw).map(({ record }) => record);
}

/** Exponential with rate `weight`: the smallest of several is each one's in proportion to its weight. */
function draw({ target, port, weight }: SrvRecord, seed: string): number {
  const hash = createHash('sha256')
    .update(JSON.stringify([seed, target, port]))
    .digest();
  const uniform = (hash.readUIntBE(0, 6) + 1) / 2 ** 48; // in (0, 1]
  return -Math.log(uniform) / (weight === 0 ? WEIGHT_OF_ZERO : weight);
}
