import { describe, expect, test } from 'vitest';
import { CommandError, type CommandFailure } from './run-command.ts';
import { runCommand } from './run-command.ts';

const NODE = process.execPath;

/** The error of a run that must fail. */
async function failureOf(run: Promise<unknown>): Promise<CommandError> {
  try {
    await run;
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error('the program succeeded');
}

/** A Node program from its text. */
function script(text: string): [string, string[]] {
  return [NODE, ['--eval', text]];
}

describe('runCommand', () => {
  test('returns what the program printed', async () => {
    const result = await runCommand(...script('console.log("out"); console.error("err")'));
    expect(result).toEqual({ exitCode: 0, stdout: 'out\n', stderr: 'err\n' });
  });

  test('passes arguments without a shell', async () => {
    const hostile = '$(id) "; echo x \' *';
    const { stdout } = await runCommand(NODE, ['--print', 'process.argv[1]', hostile]);
    expect(stdout).toBe(`${hostile}\n`);
  });

  test('writes the input and closes it', async () => {
    const { stdout } = await runCommand('cat', [], { input: 'line\n' });
    expect(stdout).toBe('line\n');
  });

  test('survives a program that ends without reading its input', async () => {
    const { exitCode } = await runCommand('true', [], { input: Buffer.alloc(1 << 20) });
    expect(exitCode).toBe(0);
  });

  test('sets the locale, so that messages can be recognised', async () => {
    const { stdout } = await runCommand(NODE, ['--print', 'process.env.LC_ALL'], { env: { LC_ALL: 'de_DE.UTF-8' } });
    expect(stdout).toBe('C\n');
  });

  test('names program, exit code and first line of stderr', async () => {
    const [program, args] = script('console.error("\\nfirst\\nsecond"); process.exit(3)');
    const error = await failureOf(runCommand(program, args));
    expect(error.exitCode).toBe(3);
    expect(error.message).toContain(NODE);
    expect(error.why).toBe('exit code 3: first');
  });

  test('takes other exit codes as an answer where the caller says so', async () => {
    const { exitCode } = await runCommand('false', [], { acceptExitCodes: [0, 1] });
    expect(exitCode).toBe(1);
  });

  test.each<[CommandFailure, () => Promise<unknown>]>([
    ['notFound', () => runCommand('no-such-program-of-tombolo', [])],
    ['notStarted', () => runCommand('/etc/passwd', [])],
    ['killed', () => runCommand(...script('process.kill(process.pid, "SIGKILL")'))],
    ['timedOut', () => runCommand('sleep', ['60'], { timeoutMs: 50 })],
    ['tooMuchOutput', () => runCommand('yes', [], { maxOutputBytes: 10_000 })],
  ])('tells %s apart', async (failure, run) => {
    expect((await failureOf(run())).failure).toBe(failure);
  });

  test('kills a program that ignores SIGTERM', async () => {
    const [program, args] = script(
      'process.on("SIGTERM", () => {}); console.error("ready"); setInterval(() => {}, 1e3)',
    );
    const abort = new AbortController();
    const run = runCommand(program, args, {
      signal: abort.signal,
      onStderrLine: () => abort.abort(new Error('enough')),
    });
    await expect(run).rejects.toThrow('enough');
  });

  test('starts nothing when the signal is aborted already', async () => {
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(runCommand('sleep', ['60'], { signal })).rejects.toThrow('too late');
  });

  test('hands out lines of stderr as they come', async () => {
    const lines: string[] = [];
    await runCommand(...script('process.stderr.write("a\\nb"); process.stderr.write("c\\nd")'), {
      onStderrLine: (line) => lines.push(line),
    });
    expect(lines).toEqual(['a', 'bc', 'd']);
  });

  test('cuts a long argument list in messages', async () => {
    const error = await failureOf(runCommand('false', ['x'.repeat(10_000)]));
    expect(error.message.length).toBeLessThan(600);
  });
});
