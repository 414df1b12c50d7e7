/**
 * `npm test`: everything, from unit tests to end-to-end tests on real clusters.
 *
 * Brings up a test bed of its own (folder `.testbed-test`, so that one that is up for the demo is not disturbed), runs
 * all vitest projects in one go and takes the bed down again. `--keep` leaves it up for the next run; further
 * arguments go to vitest. Exit code: that of vitest, or 1 where the bed could not be made.
 */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const bedFolder = join(root, '.testbed-test');

/** Runs one of our own programs with inherited output; resolves with its exit code (128 + signal where it was ended by one). */
function run(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit', env });
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
    return await run([join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...rest], {
      ...process.env,
      TOMBOLO_TESTBED: bedFolder,
    });
  } finally {
    if (!keep) await run([testbed, 'down', ...bed]);
  }
}

process.exitCode = await main();
