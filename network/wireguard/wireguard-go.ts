import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Log } from '#pkg/runtime';
import { WireguardError } from './errors.ts';
import type { PublicKey } from './keys.ts';
import { type Readiness, untilSilent, untilUp } from './until-up.ts';

/** Between SIGTERM and SIGKILL. */
const KILL_GRACE_MS = 2_000;

/** Of a line that it prints. It prints no keys, only their first characters. */
const QUOTED_CHARACTERS = 400;

/** A line of it, at most one a second and peer; see `wireguard-go/main.go`. */
const REFUSED = /^refused-source peer\((.{9})\) (\d+)$/u;

/** How wireguard-go calls the peer with this key. */
export function abbreviatedKey(key: PublicKey): string {
  return `${key.slice(0, 4)}…${key.slice(39, 43)}`;
}

export interface WireguardGoOptions extends Readiness {
  readonly program: string;
  readonly enter: readonly string[];
  /** Is told at level debug what it prints: a packet that cannot be sent is a line. */
  readonly log: Log;
}

/** A wireguard-go that answers, and whose interface is up. */
export interface WireguardGo {
  readonly pid: number;
  /** Resolves when it has ended, with why; never rejects. */
  readonly ended: Promise<string>;
  /** Packets that it refused for their source since its start, by `abbreviatedKey` of the peer; a second late. */
  readonly refusedSources: ReadonlyMap<string, number>;
  /** SIGTERM, after 2 s SIGKILL; resolves when it has ended. */
  stop(): Promise<void>;
}

/**
 * Starts wireguard-go in the foreground and waits until its socket answers and its interface is up.
 * @throws WireguardError `MissingWireguardGo`, `MissingTunDevice`, `DeviceBusy`, `DeviceUnavailable`; or the reason of
 *   `signal`. Nothing is left running then.
 */
export async function startWireguardGo(options: WireguardGoOptions, signal: AbortSignal): Promise<WireguardGo> {
  await untilSilent(options, signal);
  const { device, program, enter } = options;
  const [first, ...rest] = [...enter, program, '-f', device];
  // Only what it needs: with WG_PROCESS_FOREGROUND set to anything but 1 it starts itself for ever.
  const env = { PATH: process.env['PATH'], LOG_LEVEL: 'error', WG_PROCESS_FOREGROUND: '1', LC_ALL: 'C' };
  const child = spawn(first ?? program, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const refusedSources = new Map<string, number>();
  const output = lastLine(child, (line) => {
    const [, peer, count] = REFUSED.exec(line) ?? [];
    if (peer === undefined) options.log.debug({ device }, `wireguard-go: ${line}`);
    else refusedSources.set(peer, Number(count));
  });
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
  try {
    const isReady = await untilUp(options, () => hasEnded, signal);
    if (!isReady || hasEnded || child.pid === undefined) throw startError(options, failure, await ended);
    return { pid: child.pid, ended, refusedSources, stop };
  } catch (error) {
    await stop();
    throw signal.aborted ? signal.reason : error;
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

/** Logs each line; the function that is returned gives the last one. */
function lastLine(child: ChildProcess, tell: (line: string) => void): () => string {
  let last = '';
  for (const input of [child.stdout, child.stderr]) {
    if (input === null) continue;
    createInterface({ input }).on('line', (line) => {
      last = line.trim().slice(0, QUOTED_CHARACTERS);
      if (last !== '') tell(last);
    });
  }
  return () => last;
}
