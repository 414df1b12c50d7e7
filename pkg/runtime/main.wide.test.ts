import { spawn } from 'node:child_process';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MAIN = new URL('./main.ts', import.meta.url).href;

/** A process whose `run` is `body`. Sends `kill` when it prints `up`. */
async function runProcess(body: string, kill?: NodeJS.Signals) {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'main-'));
  const file = join(folder.path, 'process.mjs');
  await writeFile(
    file,
    `import { main } from ${JSON.stringify(MAIN)};\nmain('test', async (signal) => {\n${body}\n});\n`,
  );
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    if (kill !== undefined && stdout.includes('up')) child.kill(kill);
  });
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise((done) => child.on('close', (exit, signal) => done(exit ?? signal)));
  const line: unknown = stderr === '' ? undefined : JSON.parse(stderr);
  return { code, stdout, line };
}

const UNTIL_ABORTED = `await new Promise((done) => { const timer = setInterval(() => {}, 1000);
  signal.addEventListener('abort', () => { clearInterval(timer); done(); }); console.log('up'); });`;

test.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])('%s is a clean end', async (kill) => {
  const { code, stdout } = await runProcess(`${UNTIL_ABORTED} console.log('cleaned up');`, kill);
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'up\ncleaned up\n' });
});

test('an end by the reason of the signal is as clean', async () => {
  const { code, line } = await runProcess(`${UNTIL_ABORTED} throw signal.reason;`, 'SIGTERM');
  expect({ code, line }).toEqual({ code: 0, line: undefined });
});

test('an error ends the process with one line that says why', async () => {
  const { code, line } = await runProcess(`throw new Error('port 8080 is taken');`);
  expect(code).toBe(1);
  expect(line).toMatchObject({ level: 60, name: 'test', msg: 'port 8080 is taken', stack: expect.any(String) });
});

test('a rejection that nobody handles ends the process', async () => {
  const { code, line } = await runProcess(`void Promise.reject(new Error('forgotten')); ${UNTIL_ABORTED}`);
  expect([code, line]).toMatchObject([1, { msg: 'forgotten' }]);
});

test('an exception in a callback ends the process', async () => {
  const { code, line } = await runProcess(`setTimeout(() => { throw new Error('in a timer'); }, 1); ${UNTIL_ABORTED}`);
  expect([code, line]).toMatchObject([1, { msg: 'in a timer' }]);
});

test('waiting for what can never come is an error, not a silent end', async () => {
  const { code, line } = await runProcess(`await new Promise(() => {});`);
  expect([code, line]).toMatchObject([1, { msg: 'nothing is left that could wake the process up' }]);
});
