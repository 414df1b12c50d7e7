/**
 * docs/reference/errors.md: every error code with what to do. Written by `npm run status` from the catalogues in the
 * sources, and a test fails when it is not up to date.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
export const ERRORS_PAGE = join(root, 'docs/reference/errors.md');

interface Entry {
  readonly code: string;
  readonly retryable: boolean;
  readonly next: string;
}

const CATALOGUE = /= \{\n([\s\S]*?)\n\} as const satisfies Record<string, ErrorRule>/g;
const ENTRY =
  /^ {2}(\w+): \{\s*retryable: (true|false),\s*next:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/gm;

/** Entries of all catalogues of one source text. */
export function entriesIn(source: string): Entry[] {
  return [...source.matchAll(CATALOGUE)].flatMap(([, body = '']) =>
    [...body.matchAll(ENTRY)].map(([, code = '', retryable, single, double, template]) => ({
      code,
      retryable: retryable === 'true',
      next: (single ?? double ?? template ?? '').replaceAll(/\\(.)/g, '$1'),
    })),
  );
}

/** The page as it must be. */
export async function errorsPage(): Promise<string> {
  const sections: string[] = [];
  for (const folder of ['cmd', 'network', 'pkg', 'reflectors', 'tests/testbed']) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
    const files = entries.filter(
      (entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'),
    );
    for (const file of files.map((entry) => join(entry.parentPath, entry.name)).toSorted()) {
      const found = entriesIn(await readFile(file, 'utf8'));
      if (found.length === 0) continue;
      const rows = found
        .toSorted((a, b) => (a.code < b.code ? -1 : 1))
        .map((entry) => `| \`${entry.code}\` | ${entry.retryable ? 'yes' : 'no'} | ${entry.next} |`);
      sections.push(
        [
          `## ${relative(root, file)}`,
          '',
          '| code | tried again by itself | what to do |',
          '|---|---|---|',
          ...rows,
        ].join('\n'),
      );
    }
  }
  const head =
    '# Errors\n\nThe code of an error is also the reason of a condition and the `code` in `tombolo -o json`. Written by `npm run status`.';
  return `${[head, ...sections].join('\n\n')}\n`;
}

if (import.meta.main) await writeFile(ERRORS_PAGE, await errorsPage());
