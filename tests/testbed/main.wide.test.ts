import { mkdir, mkdtempDisposable, readdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { type CommandResult, runCommand } from '#pkg/runtime';

const MAIN = join(import.meta.dirname, 'main.ts');
// Each test starts Node at least once, which takes seconds while the machine builds something.
vi.setConfig({ testTimeout: 60_000 });

const isRoot = process.getuid?.() === 0;

function testbed(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<CommandResult> {
  return runCommand(process.execPath, [MAIN, ...args], { env, acceptExitCodes: [0, 1], timeoutMs: 60_000 });
}

describe('the command line', () => {
  test('bad input gives one sentence on stderr and exit code 1', async () => {
    const { exitCode, stdout, stderr } = await testbed(['up', '--nodes', 'many']);
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 1,
      stdout: '',
      stderr:
        'testbed: read --nodes: many: it is no whole number from 1 to 64; run it with --help to see what it takes\n',
    });
  });

  test.runIf(isRoot)('a bed that is not there is named', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'testbed-'));
    const { exitCode, stderr } = await testbed(['exec', 'milan', '--dir', folder.path, '--', 'true']);
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      `testbed: open the test bed: ${folder.path}: there is none; run \`npm run testbed -- up\` first\n`,
    );
  });

  test.runIf(isRoot)('a machine without Go is told so before anything is made', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'testbed-'));
    const bin = join(folder.path, 'bin');
    await mkdir(bin);
    await symlink('/usr/bin/dpkg-query', join(bin, 'dpkg-query'));
    const { exitCode, stderr } = await testbed(['up', '--dir', join(folder.path, 'bed')], { PATH: bin });
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      'testbed: build the components of the test bed: this machine: there is no program "go" on the PATH; install Go 1.26 or newer\n',
    );
    expect(await readdir(folder.path)).toEqual(['bin']);
  });

  test.runIf(isRoot)('a folder with something else in it is left alone, by up and by down', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'testbed-'));
    await writeFile(join(folder.path, 'precious'), 'x');
    const up = await testbed(['up', '--dir', folder.path]);
    expect(up.exitCode).toBe(1);
    expect(up.stderr).toContain('the folder holds files that are not of a test bed; name an empty folder with --dir');
    expect((await testbed(['down', '--dir', folder.path])).exitCode).toBe(0);
    expect(await readdir(folder.path)).toEqual(['precious']);
  });

  test.runIf(isRoot)('a path too long for sockets is refused', async () => {
    const dir = join(tmpdir(), 'x'.repeat(80));
    const { exitCode, stderr } = await testbed(['up', '--dir', dir]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('is longer than the 107 bytes that Linux allows for a socket');
  });
});
