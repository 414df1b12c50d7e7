import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { entriesIn, ERRORS_PAGE, errorsPage } from './error-catalogue.ts';

test('reads a catalogue and nothing else', () => {
  const source =
    "const RULES = {\n  Lost: { retryable: true, next: 'look for it, it\\'s near' },\n  Gone: {\n    retryable: false,\n    next: 'mourn',\n  },\n} as const satisfies Record<string, ErrorRule>;\nconst OTHER = { Nope: { retryable: true } };";
  expect(entriesIn(source)).toEqual([
    { code: 'Lost', retryable: true, next: "look for it, it's near" },
    { code: 'Gone', retryable: false, next: 'mourn' },
  ]);
});

test('docs/reference/errors.md has every code and no other (npm run status writes it)', async () => {
  expect(await readFile(ERRORS_PAGE, 'utf8')).toBe(await errorsPage());
});
