import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { describe, expect } from 'vitest';
import { call, until } from './bed.ts';
import { AGNHOST, remotePod, script, sleeper, test } from './fixtures.ts';

describe('logs and streams', () => {
  test('POD-64 logs with follow, tail, since, limit-bytes, previous, timestamps and container choice', async ({
    shop,
    milan,
  }) => {
    await shop.create(
      remotePod('talker', {
        containers: [
          script('for i in 1 2 3 4 5; do echo line $i; done; sleep 2; echo line 6; sleep 300'),
          script('echo from the side; sleep 300', { name: 'side' }),
        ],
      }),
      remotePod('crasher', { containers: [script('echo run; exit 1')] }),
    );
    await shop.podInPhase('talker', 'Running');
    const logs = (...args: string[]) => milan.kubectl(['-n', shop.name, 'logs', 'talker', ...args]);
    await until('line 6', async () => (await logs('-c', 'main')).includes('line 6'));
    expect(await logs('-c', 'main', '--tail=2')).toBe('line 5\nline 6\n');
    expect(await logs('-c', 'side')).toBe('from the side\n');
    expect(await logs('-c', 'main', '--limit-bytes=6')).toBe('line 1');
    expect(await logs('-c', 'main', '--timestamps', '--tail=1')).toMatch(/^\d{4}-\d\d-\d\dT\S+ line 6\n$/);
    expect(await logs('-c', 'main', '--since-time=2100-01-01T00:00:00Z')).toBe('');
    expect(await logs('-c', 'main', '--since=1h')).toContain('line 1');
    const follow = await milan.try(['-n', shop.name, 'logs', '-f', 'talker', '-c', 'main'], { timeoutMs: 3_000 });
    expect(follow.stdout).toContain('line 6');
    await until(
      'a previous container',
      async () => (await milan.try(['-n', shop.name, 'logs', '-p', 'crasher'])).stdout === 'run\n',
      60_000,
    );
  });

  test('POD-65 exec with stdin and exit code, over SPDY and WebSocket; attach', async ({ bed, shop, milan }) => {
    await shop.create(
      remotePod('shell', {
        containers: [script('while read line; do echo "heard $line"; done; sleep 300', { stdin: true })],
      }),
    );
    await shop.podInPhase('shell', 'Running');
    for (const websockets of ['true', 'false']) {
      process.env['KUBECTL_REMOTE_COMMAND_WEBSOCKETS'] = websockets;
      try {
        const echoed = await milan.try(['-n', shop.name, 'exec', '-i', 'shell', '--', 'sh', '-c', 'cat; exit 5'], {
          stdin: 'through and back',
        });
        expect(echoed.stdout).toBe('through and back');
        expect(echoed.code).toBe(5);
      } finally {
        delete process.env['KUBECTL_REMOTE_COMMAND_WEBSOCKETS'];
      }
    }
    // An attach ends with its input, on any node, maybe before the answer came: the input stays open for a while.
    const kubectl = `${join(bed.folder, 'bin/kubectl')} --kubeconfig ${milan.kubeconfig} -n ${shop.name}`;
    const typing = 'for i in 1 2 3 4 5 6; do echo hello; sleep 0.5; done';
    const attached = await call('sh', ['-c', `(${typing}) | ${kubectl} attach -i shell`]);
    expect(attached.stdout, attached.stderr).toContain('heard hello');
  });

  test('POD-65 a terminal: exec -it, its size and a change of it, exit code; attach -it', async ({
    bed,
    shop,
    milan,
  }) => {
    const echo = 'while read line; do echo "heard $line"; done';
    await shop.create(remotePod('term', { containers: [script(echo, { stdin: true, tty: true })] }));
    await shop.podInPhase('term', 'Running');
    const kubectl = `${join(bed.folder, 'bin/kubectl')} --kubeconfig ${milan.kubeconfig} -n ${shop.name}`;
    const folder = await mkdtemp(join(tmpdir(), 'tombolo-tty-'));
    try {
      /** Runs a shell script with a terminal of its own, which the script and its children share. */
      const onTerminal = async (lines: string[], websockets: string) => {
        const file = join(folder, 'session.sh');
        await writeFile(file, ['stty rows 40 cols 100', ...lines].join('\n'));
        return await call('script', ['--quiet', '--return', '--command', `sh ${file}`, '/dev/null'], {
          env: { ...process.env, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: websockets },
        });
      };
      const resize = '(sleep 4; stty rows 50 cols 120 < /dev/tty) &';
      // The size arrives a moment after the command has started, as on a real node.
      const waiting = 'until [ "$(stty size 2>/dev/null)" = "$size" ]; do sleep 0.2; done; echo $size';
      const there = `tty; for size in "40 100" "50 120"; do ${waiting}; done; exit 7`;
      for (const websockets of ['true', 'false']) {
        const outcome = await onTerminal([resize, `${kubectl} exec -it term -- sh -c '${there}'`], websockets);
        // Between them stands the echo of what `script` types where its own input is at its end.
        expect(outcome.stdout).toMatch(/\/dev\/pts\/\d+\s[^]*40 100\s+50 120\s/);
        expect(outcome.code).toBe(7);
      }
      // The end of the input ends the container's shell, and with it the attach.
      const typing = 'for i in 1 2 3 4 5 6; do echo hello; sleep 0.5; done';
      const attach = `script --quiet --return --command "${kubectl} attach -it term" /dev/null`;
      const attached = await call('sh', ['-c', `(${typing}) | ${attach}`]);
      expect(attached.stdout, attached.stderr).toContain('heard hello');
      expect(attached.code).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('POD-66 kubectl cp of 64 MiB, both ways', async ({ shop, milan }) => {
    await shop.create(remotePod('files', { containers: [sleeper()] }));
    await shop.podInPhase('files', 'Running');
    const folder = await mkdtemp(join(tmpdir(), 'tombolo-cp-'));
    try {
      const bytes = randomBytes(64 * 1024 * 1024);
      await writeFile(join(folder, 'there'), bytes);
      await milan.kubectl(['-n', shop.name, 'cp', join(folder, 'there'), 'files:/tmp/file'], { timeoutMs: 90_000 });
      await milan.kubectl(['-n', shop.name, 'cp', 'files:/tmp/file', join(folder, 'back')], { timeoutMs: 90_000 });
      const hash = (data: Buffer) => createHash('sha256').update(data).digest('hex');
      expect(hash(await readFile(join(folder, 'back')))).toBe(hash(bytes));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('POD-67 port-forward of two ports with many connections; a broken one does not end the others', async ({
    shop,
    milan,
  }) => {
    await shop.create(
      remotePod('server', {
        containers: [
          { name: 'one', image: AGNHOST, args: ['netexec', '--http-port', '8080'] },
          { name: 'two', image: AGNHOST, args: ['netexec', '--http-port', '8081', '--udp-port', '8091'] },
        ],
      }),
    );
    await shop.podInPhase('server', 'Running');
    const [first, second] = [await freePort(), await freePort()];
    const child = spawn(join(process.env['TOMBOLO_TESTBED'] ?? '.testbed', 'bin/kubectl'), [
      '--kubeconfig',
      milan.kubeconfig,
      '-n',
      shop.name,
      'port-forward',
      'pod/server',
      `${first}:8080`,
      `${second}:8081`,
    ]);
    try {
      const get = async (port: number) => (await fetch(`http://127.0.0.1:${port}/hostname`)).text();
      await until('forwarding', async () => (await get(first)) === 'server');
      // A client that goes away in the middle of its request.
      const broken = connect(first, '127.0.0.1');
      broken.write('GET /hostname HTTP/1.1\r\n', () => broken.resetAndDestroy());
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, index) => get(index % 2 === 0 ? first : second)),
      );
      expect(new Set(answers)).toEqual(new Set(['server']));
      expect(await get(second)).toBe('server');
    } finally {
      child.kill();
    }
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
