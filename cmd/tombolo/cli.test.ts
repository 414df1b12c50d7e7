import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCli } from './cli.ts';
import { testIo } from './test-io.ts';

async function cli(...args: string[]) {
  const io = testIo({ env: { HOME: '/nonexistent', KUBECONFIG: '' } });
  const code = await runCli(args, io);
  return { code, ...io.written };
}

describe('usage', () => {
  test('help goes to stdout and lists every command', async () => {
    const { code, stdout, stderr } = await cli('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of 'install uninstall invite peer requests accept reject unpeer offload unoffload cordon uncordon status verify diagnose version'.split(
      ' ',
    )) {
      expect(stdout).toContain(`  ${command} `);
    }
  });

  test.each([
    ['an unknown flag', ['status', '--kubeconfg', 'x'], /unknown option '--kubeconfg'; near: --kubeconfig/],
    ['an unknown command', ['per'], /unknown command 'per'; near: peer/],
    ['no command', [], /a command is missing; there are: install, /],
    ['a missing argument', ['unpeer'], /missing required argument 'peer'/],
    ['a request that is not named', ['accept'], /missing required argument 'request'/],
    ['too many arguments', ['status', 'rome', 'turin'], /too many arguments/],
    ['a bad value', ['peer', '--resources', 'cpu=much'], /"cpu=much" is not RESOURCE=QUANTITY/],
    ['a bad duration', ['status', '--timeout', '5'], /duration above zero/],
    ['a bad choice', ['offload', 'shop', '--strategy', 'Nowhere'], /LocalAndRemote, Remote, Local/],
    ['a bad cluster name', ['install', '--cluster-name', 'Milan!'], /DNS label/],
  ])('%s is refused with 2 in one sentence', async (_, args, sentence) => {
    const { code, stdout, stderr } = await cli(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/^error: .*--help`\n$/);
  });

  test.each([['-o', 'json'], ['--output=json'], ['-ojson']])('is JSON where %s asked for it', async (...flags) => {
    const { code, stdout } = await cli('status', ...flags, '--nope');
    expect(code).toBe(2);
    expect(Object.keys(JSON.parse(stdout).error)).toEqual(['code', 'attempted', 'where', 'why', 'next']);
  });

  test('kubectl tombolo is how kubectl calls it', async () => {
    const io = testIo({ env: { TOMBOLO_CALLED_AS: 'kubectl-tombolo' } });
    await runCli(['--help'], io);
    expect(io.written.stdout).toContain('Usage: kubectl tombolo ');
  });
});

describe('kubeconfig', () => {
  test('CLI-09 without one, every command says so in one sentence', async () => {
    const { code, stderr } = await cli('status');
    expect(code).toBe(1);
    expect(stderr).toBe(
      'error: cannot find this cluster: /nonexistent/.kube/config: there is no such file, or it cannot be read; name one with --kubeconfig or $KUBECONFIG\n',
    );
  });

  test('a context that is not there is named, with those that are near', async () => {
    const file = join(import.meta.dirname, 'testdata/kubeconfig.yaml');
    const { code, stderr } = await cli('status', '--kubeconfig', file, '--context', 'milna');
    expect(code).toBe(1);
    expect(stderr).toContain('context "milna"');
    expect(stderr).toContain('near: milan');
  });

  test('an API server that does not answer is named with port and protocol', async () => {
    const file = join(import.meta.dirname, 'testdata/kubeconfig.yaml');
    const { code, stdout } = await cli('status', '--kubeconfig', file, '-o', 'json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'ApiUnreachable', where: 'https://127.0.0.1:1 (TCP)' });
  });
});

describe('flags of a subcommand', () => {
  test.each([
    [['invite', 'list', '--kubeconfig', '/none']],
    [['invite', '--kubeconfig', '/none', 'list']],
    [['--kubeconfig', '/none', 'status']],
    [['status', '--kubeconfig', '/none']],
    [['--kubeconfig', '/other', 'status', '--kubeconfig', '/none']],
  ])('count wherever they stand: %j', async (args) => {
    expect((await cli(...args)).stderr).toContain('/none');
  });
});

describe('completion', () => {
  test.each([
    [['un'], ['uncordon', 'uninstall', 'unoffload', 'unpeer']],
    [
      ['invite', ''],
      ['list', 'revoke'],
    ],
    [['status', '--ch'], ['--check']],
    [
      ['offload', '--strategy', 'L'],
      ['Local', 'LocalAndRemote'],
    ],
    [['completion', 'z'], ['zsh']],
    [
      ['accept', '--'],
      ['--context', '--help', '--kubeconfig', '--limit', '--name', '--output', '--timeout', '--wait', '--yes'],
    ],
  ])('%j', async (words, found) => {
    expect((await cli('__complete', ...words)).stdout).toBe(`${[...found, ':4'].join('\n')}\n`);
  });

  test('prints a script for each shell', async () => {
    for (const shell of ['bash', 'zsh', 'fish'])
      expect((await cli('completion', shell)).stdout).toContain('tombolo __complete');
  });
});

/** What a file and everything behind it imports before anything runs: `import()` and types do not count. */
async function staticImports(file: string, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(file)) return new Set();
  seen.add(file);
  const text = await readFile(file, 'utf8');
  const found = new Set<string>();
  for (const [statement, specifier = ''] of text.matchAll(/^(?:import|export)\s[^;]*?from\s+'([^']+)'/gm)) {
    if (/^(import|export) type/.test(statement)) continue;
    if (!specifier.startsWith('.')) found.add(specifier);
    else for (const deeper of await staticImports(join(dirname(file), specifier), seen)) found.add(deeper);
  }
  return found;
}

test('the top level loads commander and nothing else, so that --help stays fast', async () => {
  expect(await staticImports(join(import.meta.dirname, 'main.ts'))).toEqual(new Set(['commander']));
});
