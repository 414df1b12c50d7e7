/**
 * `npm test`: everything, from unit tests to end-to-end tests on real clusters.
 *
 * Brings up two test beds of its own (in the folder for temporary files, so that one that is up for the demo is not disturbed) and
 * runs all vitest projects in two lanes side by side, because tests on clusters mostly wait: `cluster` on two clusters of one node;
 * `unit` and `wide`, then `mesh` on three of two nodes and `solo`, which makes its own, beside it. Where the first bed at rest leaves
 * little of the machine, `mesh` comes after all others, tests wait longer, and what the time does not reach is named and left out.
 * The results of all are put together, and the beds taken down. `--keep` leaves them up for the next run; further arguments go to
 * vitest. Exit code: 0 where all is well, else that of what failed.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MESH_FILES } from './mesh-files.ts';
import { busyShare } from './patience.ts';
import { keepingCompiled } from './testbed/cache-folder.ts';

const root = resolve(import.meta.dirname, '..');
/** Short, whatever the path of the checkout: sockets of a node have at most 107 characters. Stable, so that a killed run is found. */
const base = join(tmpdir(), `tombolo-${createHash('sha256').update(root).digest('hex').slice(0, 8)}`);
const testbed = join(root, 'tests/testbed/main.ts');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');

interface TestBed {
  readonly folder: string;
  readonly flags: readonly string[];
}

const PAIR: TestBed = { folder: base, flags: ['--clusters', 'milan,rome'] };
/** Standbys of controller and kubelet are what tests on PAIR are about; here six of them would be most of what is at rest. */
const MESH: TestBed = {
  folder: `${base}-mesh`,
  flags: ['--clusters', 'milan,rome,turin', '--nodes', '2', '--replicas', '1'],
};

/** What starts with a bed is over. */
const SETTLE_MS = 25_000;
const MEASURE_MS = 10_000;
/** Where PAIR takes no more than this share of the machine at rest, tests find it free when they need it. */
const AT_REST = 0.14;
/** From here on both beds at rest leave too little to the tests of both: MESH takes more than PAIR. */
const TOO_MUCH = 0.26;
const MOST_PATIENCE = 4;
/**
 * Twice what a machine with room needs, from the start of this process. Files of the mesh that have not begun by then are left
 * out, which the end says: a run that somebody else ends tells nothing.
 */
const ENOUGH_MS = 70 * 60_000;
const FILES_AT_ONCE = 2;

/** Ctrl-C reaches the children too (same process group): they end, then we clean up. */
let isInterrupted = false;
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => (isInterrupted = true));

/** Runs one of our own programs; resolves with its exit code (130 where a signal ended it). */
function run(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; stdio?: 'inherit' | 'ignore' } = {},
): Promise<number> {
  return new Promise((done, fail) => {
    const { env = process.env, stdio = 'inherit' } = options;
    const child = spawn(process.execPath, args, { cwd: root, stdio, env: keepingCompiled(env) });
    child.once('error', fail);
    child.once('exit', (code, signal) => done(signal === null ? (code ?? 1) : 130));
  });
}

/** Whole clusters start beside busy tests: what did not come up is continued so often. */
const UP_TRIES = 3;

/** @returns exit code of the last try; what went wrong is said by `up` */
async function bringUp(bed: TestBed): Promise<number> {
  for (let left = UP_TRIES; ; left--) {
    if (isInterrupted) return 130;
    const code = await run([testbed, 'up', ...bed.flags, '--dir', bed.folder]);
    if (code === 0 || left === 1) return code;
    process.stderr.write(`the test bed in ${bed.folder} did not come up: try again\n`);
  }
}

const firstBad = (codes: readonly number[]): number => codes.find((code) => code !== 0) ?? 0;

/** Silent, so that the count of tests stays the last line; what went wrong is said. */
async function takeDown(bed: TestBed): Promise<void> {
  if ((await run([testbed, 'down', '--dir', bed.folder], { stdio: 'ignore' })) === 0) return;
  process.stderr.write(
    `the test bed in ${bed.folder} could not be taken down: npm run testbed -- down --dir ${bed.folder}\n`,
  );
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const keep = args.includes('--keep');
  const rest = args.filter((arg) => arg !== '--keep');
  const results = mkdtempSync(join(tmpdir(), 'tombolo-results-'));
  /** What kept tests from running: the report of those that ran does not show it. */
  const missing: string[] = [];
  let patience = 1;
  /** Files for which there was no time. */
  const leftOut: string[] = [];
  let reports = 0;
  const tests = async (bed: TestBed, projects: readonly string[], files: readonly string[] = []): Promise<number> => {
    const flags = projects.flatMap((name) => ['--project', name]);
    // Who names files or tests may leave a lane without any; else that is a fault.
    if (rest.length > 0) flags.push('--passWithNoTests');
    const reporters = ['--reporter=./tests/file-progress.ts', '--reporter=blob'];
    const report = join(results, `${projects.join('-')}-${++reports}.json`);
    const code = await run([vitest, 'run', ...flags, ...reporters, `--outputFile.blob=${report}`, ...files, ...rest], {
      env: { ...process.env, TOMBOLO_TESTBED: bed.folder, TOMBOLO_PATIENCE: patience.toFixed(1) },
    });
    if (!existsSync(report)) missing.push(`${projects.join(' and ')}: ended with code ${code} and left no report`);
    return code;
  };
  try {
    // The first bed alone: it builds and installs what a new machine has not.
    const up = await bringUp(PAIR);
    if (up !== 0) return up;
    const quick = () => tests(PAIR, ['unit', 'wide']);
    const pair = async (): Promise<number> => {
      const code = await tests(PAIR, ['cluster']);
      if (!keep) await takeDown(PAIR); // a bed at rest takes a sixth of two cores
      return code;
    };
    const solo = () => tests(PAIR, ['solo']);
    const mesh = async (): Promise<number> => {
      const code = await bringUp(MESH);
      if (code === 0) return isCrowded && rest.length === 0 ? await meshInTime() : await tests(MESH, ['mesh']);
      missing.push('mesh: its test bed did not come up');
      return code;
    };
    const meshInTime = async (): Promise<number> => {
      const codes: number[] = [];
      const files = globSync(MESH_FILES, { cwd: root });
      for (let next = 0; next < files.length && !isInterrupted; next += FILES_AT_ONCE) {
        const group = files.slice(next, next + FILES_AT_ONCE);
        if (performance.now() < ENOUGH_MS) codes.push(await tests(MESH, ['mesh'], group));
        else leftOut.push(...group);
      }
      return firstBad(codes);
    };
    await sleep(SETTLE_MS);
    const atRest = await busyShare(MEASURE_MS);
    patience = Math.min(MOST_PATIENCE, Math.max(1, atRest / AT_REST));
    const isCrowded = atRest > TOO_MUCH;
    process.stderr.write(
      `two clusters at rest take ${Math.round(atRest * 100)} % of the machine: ` +
        `the mesh comes ${isCrowded ? 'after' : 'beside'} them, time limits x ${patience.toFixed(1)}\n`,
    );
    const others = async (): Promise<number[]> => {
      const code = await quick();
      return [code, ...(await Promise.all(isCrowded ? [solo()] : [solo(), mesh()]))];
    };
    const codes = (await Promise.all([pair(), others()])).flat();
    if (isCrowded) codes.push(await mesh());
    const merged = await run([vitest, 'run', `--merge-reports=${results}`], {
      env: {
        ...process.env,
        TOMBOLO_MISSING_TESTS: missing.join('\n'),
        TOMBOLO_LEFT_OUT_TESTS: leftOut.join('\n'),
      },
    });
    return firstBad([...codes, merged]);
  } finally {
    rmSync(results, { recursive: true, force: true });
    if (!keep) for (const bed of [PAIR, MESH]) await takeDown(bed);
  }
}

process.exitCode = await main();
