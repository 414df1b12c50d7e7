import { expect, test } from 'vitest';
import { expectedStatus, idsIn } from './status-table.ts';

test('finds the IDs at the beginning of a name and nowhere else', () => {
  const source = [
    "test('POD-01 REF-02 a thing', () => {",
    'test.each([1])(`NODE-03 other`, () => {',
    "test('plain POD-09', () => {",
    "test(\n  'CLI-04 broken line', x)",
  ].join('\n');
  expect(idsIn(source)).toEqual(['POD-01', 'REF-02', 'NODE-03', 'CLI-04']);
});

test('the table of docs/STATUS.md says what the tests say (npm run status writes it)', async () => {
  const { actual, expected } = await expectedStatus();
  expect(actual).toBe(expected);
});
