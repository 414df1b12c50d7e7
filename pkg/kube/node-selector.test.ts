import { expect, test } from 'vitest';
import { matchesRequirement } from './node-selector.ts';

test.each([
  ['In', ['a', 'b'], { a: true, c: false, none: false }],
  ['NotIn', ['a', 'b'], { a: false, c: true, none: true }],
  ['Exists', [], { a: true, c: true, none: false }],
  ['DoesNotExist', [], { a: false, c: false, none: true }],
  ['Gt', ['5'], { '6': true, '5': false, '-6': false, a: false, none: false }],
  ['Lt', ['5'], { '4': true, '5': false, '-6': true, a: false, none: false }],
  ['Gt', ['a'], { '6': false }],
  ['Gt', [], { '6': false }],
  ['Like', ['a'], { a: false, none: false }],
] as const)('%s %j decides as the scheduler does', (operator, values, expected) => {
  for (const [value, outcome] of Object.entries(expected)) {
    const label = value === 'none' ? undefined : value;
    expect([value, matchesRequirement(label, { key: 'tier', operator, values })]).toEqual([value, outcome]);
  }
});
