/**
 * `npm run e2e -- [NAME…] [--testbed FOLDER] [further arguments of vitest]`: end-to-end tests whose file names contain one of the
 * names (all without a name), on the bed that is up: `.testbed`, or the one that `TOMBOLO_TESTBED` or the flag names. Without one it
 * brings `.testbed` up first, with as many clusters and nodes as these tests can use, and leaves it up. Exit code: that of what failed.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { keepingCompiled } from '../testbed/cache-folder.ts';

const root = resolve(import.meta.dirname, '../..');

/** What the tests that need most ask for. */
const ALL = ['up', '--clusters', 'milan,rome,turin', '--nodes', '2'];

function run(args: readonly string[], bed: string): Promise<number> {
  const env = keepingCompiled({ ...process.env, TOMBOLO_TESTBED: bed });
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit', env });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('exit', (code, signal) => done(signal === null ? (code ?? 1) : 130));
  });
}

async function main(args: string[]): Promise<number> {
  const at = args.indexOf('--testbed');
  const named = (at === -1 ? undefined : args.splice(at, 2)[1]) ?? process.env['TOMBOLO_TESTBED'];
  const bed = resolve(named ?? join(root, '.testbed'));
  if (!existsSync(join(bed, 'milan/kubeconfig'))) {
    if (named !== undefined) {
      process.stderr.write(
        `run end-to-end tests: no test bed with a cluster "milan" in ${bed}; npm run testbed -- up\n`,
      );
      return 1;
    }
    const up = await run([join(root, 'tests/testbed/main.ts'), ...ALL, '--dir', bed], bed);
    if (up !== 0) return up;
  }
  const end = args.findIndex((arg) => arg.startsWith('-'));
  const names = args.slice(0, end === -1 ? undefined : end).map((name) => join('tests/e2e', name));
  const rest = end === -1 ? [] : args.slice(end);
  const filters = names.length === 0 ? ['tests/e2e'] : names;
  const projects = ['cluster', 'mesh'].flatMap((name) => ['--project', name]);
  const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...projects, ...filters, ...rest];
  return await run(vitest, bed);
}

process.exitCode = await main(process.argv.slice(2));
