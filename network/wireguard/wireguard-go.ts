import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeviceState } from './config.ts';
import { WireguardError } from './errors.ts';
import { type HostCommand, hostError } from './host.ts';
import { GET_REQUEST, parseGet } from './uapi.ts';
import { askUapi } from './uapi-socket.ts';

/** It answers and is up after some 50 ms; on a busy node it may take seconds. */
const START_TIMEOUT_MS = 20_000;
const POLL_MS = 10;

/** How long a predecessor whose interface was removed may take to end; it is gone after some milliseconds. */
const PREDECESSOR_TIMEOUT_MS = 5_000;

/** Between SIGTERM and SIGKILL. */
const KILL_GRACE_MS = 2_000;

/** Of what it prints, the end is kept for messages. It prints no keys, only their first characters at level verbose. */
const KEPT_OUTPUT_CHARACTERS = 2_000;

export interface WireguardGoOptions {
  readonly device: string;
  readonly program: string;
  readonly enter: readonly string[];
  readonly socketPath: string;
  readonly run: HostCommand;
}

/** A wireguard-go that answers, and whose interface is up. */
export interface WireguardGo {
  readonly pid: number;
  /** Resolves when it has ended, with why; never rejects. */
  readonly ended: Promise<string>;
  /** SIGTERM, after 2 s SIGKILL; resolves when it has ended. */
  stop(): Promise<void>;
}

/**
 * Starts wireguard-go in the foreground and waits until its socket answers and its interface is up: while it is down,
 * wireguard-go takes a port without trying whether it is free, and stays silent when it cannot have it later.
 * @throws WireguardError `MissingWireguardGo`, `DeviceBusy`, `DeviceUnavailable`; or the reason of `signal`. Nothing is left
 *   running then.
 */
export async function startWireguardGo(options: WireguardGoOptions, signal: AbortSignal): Promise<WireguardGo> {
  await untilSilent(options, signal);
  const { device, program, enter, socketPath } = options;
  const [first, ...rest] = [...enter, program, '-f', device];
  // Only what it needs: with WG_PROCESS_FOREGROUND set to anything but 1 it starts itself for ever.
  const env = { PATH: process.env['PATH'], LOG_LEVEL: 'error', WG_PROCESS_FOREGROUND: '1', LC_ALL: 'C' };
  const child = spawn(first ?? program, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = lastOutput(child);
  let failure: NodeJS.ErrnoException | undefined;
  let hasEnded = false;
  const ended = new Promise<string>((resolve) => {
    const end = (why: string): void => {
      hasEnded = true;
      resolve(why);
    };
    child.once('error', (cause) => {
      failure = cause;
      if (child.pid === undefined) end(cause.message);
    });
    child.once('close', (code, killedBy) => {
      end(
        [`wireguard-go ended by ${killedBy ?? `exit code ${code}`}`, output()].filter((text) => text !== '').join(': '),
      );
    });
  });
  const stop = async (): Promise<void> => {
    if (hasEnded) return;
    child.kill('SIGTERM');
    const killTimer = setTimeout(() => child.kill('SIGKILL'), KILL_GRACE_MS);
    await ended;
    clearTimeout(killTimer);
  };
  const deadline = performance.now() + START_TIMEOUT_MS;
  try {
    let isUp = false;
    for (;;) {
      if (hasEnded) throw startError(options, failure, await ended);
      const state = await ask(options, signal);
      // One that is up has a port, though a random one.
      if (isUp && state !== undefined && state.listenPort > 0) break;
      if (!isUp && state !== undefined) {
        await bringUp(options, signal);
        isUp = true;
        continue;
      }
      if (performance.now() > deadline) {
        const why =
          state === undefined
            ? `no answer at ${socketPath} within ${START_TIMEOUT_MS / 1000} s`
            : `it is not up within ${START_TIMEOUT_MS / 1000} s`;
        throw startError(options, failure, why);
      }
      await sleep(POLL_MS, undefined, { signal });
    }
    if (hasEnded || child.pid === undefined) throw startError(options, failure, await ended);
    return { pid: child.pid, ended, stop };
  } catch (error) {
    await stop();
    throw signal.aborted ? signal.reason : error;
  }
}

/** A predecessor removes its socket when it ends: the one of its successor, if that were there already. */
async function untilSilent(options: WireguardGoOptions, signal: AbortSignal): Promise<void> {
  const { device, socketPath } = options;
  signal.throwIfAborted();
  const deadline = performance.now() + PREDECESSOR_TIMEOUT_MS;
  while ((await ask(options, signal)) !== undefined) {
    if (performance.now() > deadline) {
      const why = `another program answers at ${socketPath}`;
      throw new WireguardError('DeviceBusy', { attempted: 'start wireguard-go', where: device, why });
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** `undefined` while nobody answers. */
async function ask({ device, socketPath }: WireguardGoOptions, signal: AbortSignal): Promise<DeviceState | undefined> {
  try {
    return parseGet(device, await askUapi(device, socketPath, GET_REQUEST, signal));
  } catch (error) {
    // Not there yet: asked again until the deadline.
    if (error instanceof WireguardError && error.code === 'DeviceUnavailable') return undefined;
    throw error;
  }
}

async function bringUp({ device, run }: WireguardGoOptions, signal: AbortSignal): Promise<void> {
  try {
    await run('ip', ['link', 'set', 'dev', device, 'up'], { signal });
  } catch (cause) {
    throw hostError('set up the interface', device, cause);
  }
}

function startError(
  { device, program }: WireguardGoOptions,
  failure: NodeJS.ErrnoException | undefined,
  why: string,
): WireguardError {
  const attempted = 'start wireguard-go';
  if (failure?.code === 'ENOENT' || failure?.code === 'EACCES') {
    const missing = { attempted, where: device, why: `"${program}" is not there or cannot be executed` };
    return new WireguardError('MissingWireguardGo', missing, { cause: failure });
  }
  // The capability was looked at before: now it is the device, which container runtimes may hold back.
  const isRefused = /not permitted|permission denied/i.test(why);
  const code = isRefused ? 'MissingTunDevice' : /busy|in use/i.test(why) ? 'DeviceBusy' : 'DeviceUnavailable';
  return new WireguardError(code, { attempted, where: device, why });
}

function lastOutput(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8');
    stream?.on('data', (chunk: string) => {
      text = (text + chunk).slice(-KEPT_OUTPUT_CHARACTERS);
    });
  }
  return () => text.trim().split('\n').at(-1) ?? '';
}
