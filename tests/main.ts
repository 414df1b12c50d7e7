/**
 * `npm test`: everything, from unit tests to end-to-end tests on real clusters.
 *
 * Brings up a test bed of its own (in the folder for temporary files, so that one that is up for the demo is not disturbed), runs
 * all vitest projects but `chaos` in one go and takes the bed down again. `--keep` leaves it up for the next run; further
 * arguments go to vitest. Exit code: that of vitest, or 1 where the bed could not be made.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
/** Short, whatever the path of the checkout: sockets of a node have at most 107 characters. Stable, so that a killed run is found. */
const bedFolder = join(tmpdir(), `tombolo-${createHash('sha256').update(root).digest('hex').slice(0, 8)}`);

/** Runs one of our own programs with inherited output; resolves with its exit code (128 + signal where it was ended by one). */
function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  stdio: 'inherit' | 'ignore' = 'inherit',
): Promise<number> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio, env });
    child.once('error', fail);
    child.once('exit', (code, signal) => done(signal === null ? (code ?? 1) : 130));
  });
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const keep = args.includes('--keep');
  const rest = args.filter((arg) => arg !== '--keep');
  // Ctrl-C reaches the children too (same process group): wait for them, then clean up.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  const testbed = join(root, 'tests/testbed/main.ts');
  const bed = ['--dir', bedFolder];
  const up = await run([testbed, 'up', '--clusters', 'milan,rome', ...bed]);
  if (up !== 0) return up;
  try {
    const projects = ['unit', 'wide', 'cluster'].flatMap((name) => ['--project', name]);
    return await run([join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...projects, ...rest], {
      ...process.env,
      TOMBOLO_TESTBED: bedFolder,
    });
  } finally {
    // Silent, so that the count of tests stays the last line; what went wrong is said.
    if (!keep && (await run([testbed, 'down', ...bed], process.env, 'ignore')) !== 0) {
      process.stderr.write(
        `the test bed in ${bedFolder} could not be taken down: npm run testbed -- down --dir ${bedFolder}\n`,
      );
    }
  }
}

process.exitCode = await main();
