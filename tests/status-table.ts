/**
 * The table of behaviour cases in docs/STATUS.md: which case is proven, and by which test.
 *
 * It is written by `npm run status` from the names of the tests, and a test fails when it is not up to date, so that
 * nobody can claim a case that no test carries.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const STATUS = join(root, 'docs/STATUS.md');
const [BEGIN, END] = ['<!-- cases: begin -->', '<!-- cases: end -->'];
const FOLDERS = ['cmd', 'pkg', 'reflectors', 'network', 'tests', 'charts'];

/** IDs at the beginning of a test's name, as `POD-01 REF-02 what happens`. */
const NAME = /\b(?:test|it)(?:\.\w+(?:\([^)]*\))?)*\(\s*['"`]((?:[A-Z]+-\d+ )+)/g;

/** IDs in the names of the tests of one source text. */
export function idsIn(source: string): string[] {
  return [...source.matchAll(NAME)].flatMap(([, ids = '']) => ids.trim().split(' '));
}

/** Which files prove which case. */
async function proofs(): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const folder of FOLDERS) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.name.endsWith('.test.ts') || entry.name === 'status-table.test.ts') continue;
      const path = join(entry.parentPath, entry.name);
      for (const id of new Set(idsIn(await readFile(path, 'utf8'))))
        found.set(id, [...(found.get(id) ?? []), relative(root, path)]);
    }
  }
  return found;
}

/** The table as Markdown. */
export async function statusTable(): Promise<string> {
  const cases = JSON.parse(await readFile(join(root, 'tests/cases.json'), 'utf8')) as Record<string, 'M' | 'S' | 'L'>;
  const found = await proofs();
  const unknown = [...found.keys()].filter((id) => cases[id] === undefined);
  if (unknown.length > 0) throw new Error(`tests name cases that do not exist: ${unknown.join(', ')}`);
  const rows = Object.entries(cases).map(([id, level]) => {
    const files = found.get(id);
    return `| ${id} | ${level} | ${
      files === undefined
        ? 'not yet'
        : files
            .toSorted()
            .map((file) => `\`${file}\``)
            .join(', ')
    } |`;
  });
  const proven = Object.keys(cases).filter((id) => found.has(id));
  const must = Object.keys(cases).filter((id) => cases[id] === 'M');
  const summary = `${proven.length} of ${rows.length} cases have a test that carries their ID; of the M cases ${must.filter((id) => found.has(id)).length} of ${must.length}.`;
  return [BEGIN, summary, '', '| case | | proven by |', '|---|---|---|', ...rows, END].join('\n');
}

/** docs/STATUS.md as it must be. */
export async function expectedStatus(): Promise<{ path: string; actual: string; expected: string }> {
  const actual = await readFile(STATUS, 'utf8');
  const [begin, end] = [actual.indexOf(BEGIN), actual.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`docs/STATUS.md has lost the marks ${BEGIN} and ${END}`);
  return {
    path: STATUS,
    actual,
    expected: actual.slice(0, begin) + (await statusTable()) + actual.slice(end + END.length),
  };
}

if (import.meta.main) {
  const { path, expected } = await expectedStatus();
  await writeFile(path, expected);
}
