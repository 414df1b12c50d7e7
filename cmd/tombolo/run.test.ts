import { describe, expect, test } from 'vitest';
import { CliError } from './errors.ts';
import { run } from './run.ts';
import type { Action, CommonFlags } from './session.ts';
import { testIo } from './test-io.ts';

const FLAGS: CommonFlags = { output: 'text', wait: true, timeout: 60_000, yes: false };

function invocation(action: Action<object>, flags: Partial<CommonFlags> = {}) {
  return { attempted: 'try it', action, options: { ...FLAGS, ...flags }, args: [] };
}

describe('run', () => {
  test('writes the result to stdout and steps to stderr', async () => {
    const io = testIo();
    const code = await run(
      invocation(async ({ progress }) => {
        progress.step('thinking');
        return { value: { a: 1 }, text: 'done' };
      }),
      io,
    );
    expect({ code, ...io.written }).toEqual({ code: 0, stdout: 'done\n', stderr: 'thinking\n' });
  });

  test('writes an error as one sentence, and as one document with its four parts where JSON is asked for', async () => {
    const io = testIo();
    const facts = { attempted: 'look', where: 'there', why: 'it is dark', next: 'bring a light' };
    const code = await run(
      invocation(() => Promise.reject(new CliError('Refused', facts)), { output: 'json' }),
      io,
    );
    expect(code).toBe(1);
    expect(JSON.parse(io.written.stdout)).toEqual({ error: { code: 'Refused', ...facts } });
    expect(io.written.stderr).toBe('error: cannot look: there: it is dark; bring a light\n');
  });

  test('ends with 3 at the time-out and names the step, whatever the action does', async () => {
    const io = testIo();
    const started = performance.now();
    const code = await run(
      invocation(
        async ({ progress }) => {
          progress.step('waiting for the sun');
          return await new Promise(() => undefined);
        },
        { timeout: 30 },
      ),
      io,
    );
    expect(code).toBe(3);
    expect(io.written.stderr).toContain('while waiting for the sun: not done within 0.03 s');
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test('ends with 130 at once when interrupted and says how to go on', async () => {
    const io = testIo();
    const code = await run(
      invocation(async ({ progress }) => {
        progress.step('waiting');
        io.interrupt();
        return await new Promise(() => undefined);
      }),
      io,
    );
    expect(code).toBe(130);
    expect(io.written.stderr).toContain('while waiting: it was interrupted; run the same command again');
  });

  test('takes an exit code of the result', async () => {
    expect(
      await run(
        invocation(async () => ({ value: {}, text: '', exitCode: 4 })),
        testIo(),
      ),
    ).toBe(4);
  });
});

describe('confirm', () => {
  const asking: Action<object> = async (session) => {
    await session.confirm('Really?', ['pod web-1']);
    return { value: {}, text: 'gone' };
  };

  test('without a terminal and without --yes is refused with 2, after the list', async () => {
    const io = testIo();
    expect(await run(invocation(asking), io)).toBe(2);
    expect(io.written.stderr).toContain('  - pod web-1\n');
    expect(io.written.stderr).toContain('add --yes');
  });

  test('with --yes asks nobody', async () => {
    const io = testIo();
    expect(await run(invocation(asking, { yes: true }), io)).toBe(0);
  });

  test.each([
    [true, 0],
    [false, 1],
  ])('answered with %s ends with %i', async (answer, code) => {
    expect(await run(invocation(asking), testIo({ answer }))).toBe(code);
  });
});
