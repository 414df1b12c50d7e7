import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '#pkg/runtime';
import type { ClusterPlan } from './address-plan.ts';
import type { ApiClient } from './api-client.ts';
import { waitForApi } from './cluster-ready.ts';
import { type Daemon, ensureDaemon, runningDaemon, stopDaemon } from './daemon.ts';

const { signal } = new AbortController();
const TAKEN = 'listen unix /var/lib/kubelet/device-plugins/kubelet.sock: bind: address already in use';

/** A program that ends once with these words, and then runs. */
async function endsOnce(words: string): Promise<Daemon & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'tombolo-ready-'));
  const namespace = `tombolo-ready-${process.pid}`;
  await runCommand('ip', ['netns', 'add', namespace], { timeoutMs: 10_000, signal });
  const script = `[ -e ${folder}/again ] && exec sleep 60; touch ${folder}/again; sleep 0.5; echo '${words}'; exit 1`;
  const pidFile = join(folder, 'pid');
  return {
    title: 'kubelet of n1',
    program: '/bin/sh',
    args: ['-c', script],
    namespace,
    memberFiles: [],
    pidFile,
    logFile: join(folder, 'log'),
    async [Symbol.asyncDispose]() {
      await stopDaemon(pidFile, { signal });
      await runCommand('ip', ['netns', 'delete', namespace], { timeoutMs: 10_000, signal });
      await rm(folder, { recursive: true });
    },
  };
}

/** Ready once the daemon has been started a second time. */
const apiBehind = ({ logFile, pidFile }: Daemon) =>
  ({
    async get() {
      const { stdout } = await runCommand('cat', [logFile], { timeoutMs: 5_000, signal });
      const isUp = stdout !== '' && (await runningDaemon(pidFile)) !== undefined;
      return { status: isUp ? 200 : 503, text: '' };
    },
  }) as unknown as ApiClient;

test('a kubelet that met another one at their common socket is started again', async () => {
  await using daemon = await endsOnce(TAKEN);
  await ensureDaemon(daemon, signal);
  await waitForApi({ name: 'milan' } as ClusterPlan, apiBehind(daemon), { daemons: [daemon], signal });
  expect(await runningDaemon(daemon.pidFile)).toBeDefined();
});

test('a program that ends for another reason is said with its last words', async () => {
  await using daemon = await endsOnce('unknown flag: --colour');
  await ensureDaemon(daemon, signal);
  const waiting = waitForApi({ name: 'milan' } as ClusterPlan, apiBehind(daemon), { daemons: [daemon], signal });
  await expect(waiting).rejects.toThrow(/start kubelet of n1.*unknown flag: --colour/);
});
