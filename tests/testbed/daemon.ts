import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type ProcessId } from './process-id.ts';

/** A program of the bed that outlives us. */
export interface Daemon {
  /** As a person calls it: `apiserver of milan`. */
  readonly title: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Network namespace it runs in. */
  readonly namespace: string;
  /** Files of the cgroup that it joins, see Cgroups.memberFiles. */
  readonly memberFiles: readonly string[];
  /** Where its process id is kept; the folder is made. */
  readonly pidFile: string;
  /** Standard output and error are appended to it. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Text of the configuration files that `args` name: a change of it is a reason to restart. */
  readonly config?: string;
}

interface Running extends ProcessId {
  readonly definition: string;
}

/**
 * Joins the cgroup, notes its own process id and becomes the program. The note is made by the process itself, so
 * that no moment exists in which it runs unknown to a second `up` because the first was killed.
 *
 * Not `ip netns exec`: that mounts a new /sys without the cgroup mounts, which kubelet and containerd need.
 */
const LAUNCHER = `
set -e
pidfile=$1 definition=$2 members=$3 namespace=$4
shift 4
while [ "$members" -gt 0 ]; do echo $$ > "$1"; shift; members=$((members - 1)); done
read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ started _ < /proc/$$/stat
echo "$$ $started $definition" > "$pidfile.new"
mv "$pidfile.new" "$pidfile"
exec nsenter --net="$namespace" -- "$@"
`;

/** Changes when the daemon would be started differently. */
function definitionOf(daemon: Daemon): string {
  const { program, args, config } = daemon;
  return createHash('sha256')
    .update(JSON.stringify([program, args, environmentOf(daemon), config ?? '']))
    .digest('hex')
    .slice(0, 16);
}

/** The process of a daemon, undefined where it does not run. */
export async function runningDaemon(pidFile: string): Promise<Running | undefined> {
  let text: string;
  try {
    text = await readFile(pidFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const [pid, startedAt, definition] = text.trim().split(' ');
  if (pid === undefined || startedAt === undefined || definition === undefined) return undefined;
  const id = { pid: Number(pid), startedAt, definition };
  return (await isAlive(id)) ? id : undefined;
}

/**
 * Whether a daemon runs in another network namespace than the one that has its name now: somebody removed that one, and
 * it was made anew.
 */
export async function isStray(daemon: Daemon): Promise<boolean> {
  const running = await runningDaemon(daemon.pidFile);
  if (running === undefined) return false;
  const [own, named] = await Promise.all([
    stat(`/proc/${running.pid}/ns/net`).catch(() => undefined), // it ended in between
    stat(`/run/netns/${daemon.namespace}`),
  ]);
  return own !== undefined && own.ino !== named.ino;
}

/**
 * Makes the daemon run as described: starts it, or restarts it where it runs with another description or elsewhere.
 * @returns whether something had to be done
 */
export async function ensureDaemon(daemon: Daemon, signal: AbortSignal): Promise<boolean> {
  const running = await runningDaemon(daemon.pidFile);
  if (running?.definition === definitionOf(daemon) && !(await isStray(daemon))) return false;
  if (running !== undefined) await stopDaemon(daemon.pidFile, { signal });
  await startDaemon(daemon, signal);
  return true;
}

/** How long a new process may take to note its id: three system calls, on a machine that may be overloaded. */
const NOTE_DEADLINE_MS = 20_000;

async function startDaemon(daemon: Daemon, signal: AbortSignal): Promise<void> {
  await mkdir(dirname(daemon.pidFile), { recursive: true });
  await mkdir(dirname(daemon.logFile), { recursive: true });
  await rm(daemon.pidFile, { force: true });
  const log = await open(daemon.logFile, 'a');
  try {
    const child = spawn(
      '/bin/sh',
      [
        '-c',
        LAUNCHER,
        'sh',
        daemon.pidFile,
        definitionOf(daemon),
        String(daemon.memberFiles.length),
        `/run/netns/${daemon.namespace}`,
        ...daemon.memberFiles,
        daemon.program,
        ...daemon.args,
      ],
      // In a session of its own: Ctrl-C in our terminal is not for it.
      { detached: true, stdio: ['ignore', log.fd, log.fd], env: environmentOf(daemon) },
    );
    const failed = new Promise<never>((_, reject) => {
      child.once('error', reject);
    });
    child.unref();
    await Promise.race([failed, noted(daemon, signal)]);
  } finally {
    await log.close();
  }
}

/**
 * Daemons see a known environment, not that of whoever ran `up`: proxies and KUBECONFIG would change what they do.
 *
 * The servers of whole clusters share few cores: with Go's defaults they spend half of what they use on threads that look for
 * work on every core and on collecting garbage of small heaps (measured: 311 s of CPU become 157 for the same tests).
 */
function environmentOf(daemon: Daemon): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LC_ALL: 'C',
    GOGC: '400',
    GOMAXPROCS: String(Math.max(1, Math.floor(availableParallelism() / 2))),
    ...daemon.env,
  };
}

async function noted(daemon: Daemon, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + NOTE_DEADLINE_MS;
  while ((await runningDaemon(daemon.pidFile)) === undefined) {
    if (performance.now() > deadline) throw new Error(`start ${daemon.title}: ${await lastLine(daemon.logFile)}`);
    await sleep(10, undefined, { signal });
  }
}

/** The end of a log, for messages. */
export async function lastLine(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').at(-1)?.slice(0, 500) || 'it printed nothing';
}

export interface StopOptions {
  readonly signal: AbortSignal;
  /** `SIGKILL` is a crash, `SIGTERM` (default) lets the program end in order, with a kill when it does not. */
  readonly with?: 'SIGTERM' | 'SIGKILL';
}

/** What ends in order does so within this; then it is killed. */
const TERM_GRACE_MS = 10_000;

/** Stops a daemon and waits until its process is gone. Idempotent. @returns whether it ran */
export async function stopDaemon(pidFile: string, options: StopOptions): Promise<boolean> {
  const running = await runningDaemon(pidFile);
  if (running === undefined) return false;
  let sent = options.with ?? 'SIGTERM';
  process.kill(running.pid, sent);
  const killAt = performance.now() + TERM_GRACE_MS;
  while (await isAlive(running)) {
    await sleep(20, undefined, { signal: options.signal });
    if (sent === 'SIGTERM' && performance.now() > killAt) {
      sent = 'SIGKILL';
      process.kill(running.pid, sent);
    }
  }
  await rm(pidFile, { force: true });
  return true;
}
