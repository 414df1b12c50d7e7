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

export interface Readiness {
  readonly device: string;
  readonly socketPath: string;
  readonly run: HostCommand;
}

/**
 * Brings the interface up once its program answers, and waits until it is. While it is down, wireguard-go takes a port
 * without trying whether it is free, and stays silent when it cannot have it later. False as soon as `hasEnded`.
 * @throws WireguardError `DeviceUnavailable` after 20 s
 */
export async function untilUp(options: Readiness, hasEnded: () => boolean, signal: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  let hasAnswered = false;
  while (!hasEnded()) {
    const state = await ask(options, signal);
    // One that is up has a port, though a random one.
    if (hasAnswered && state !== undefined && state.listenPort > 0) return true;
    if (!hasAnswered && state !== undefined) await bringUp(options, signal);
    hasAnswered ||= state !== undefined;
    if (performance.now() > deadline) {
      const why = `${hasAnswered ? 'it is not up' : `no answer at ${options.socketPath}`} within ${START_TIMEOUT_MS / 1000} s`;
      throw new WireguardError('DeviceUnavailable', { attempted: 'start wireguard-go', where: options.device, why });
    }
    await sleep(POLL_MS, undefined, { signal });
  }
  return false;
}

/**
 * Waits until no predecessor answers any more. It removes its socket when it ends: that of its successor, if that were
 * there already.
 * @throws WireguardError `DeviceBusy` where one goes on answering
 */
export async function untilSilent(options: Readiness, signal: AbortSignal): Promise<void> {
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
async function ask({ device, socketPath }: Readiness, signal: AbortSignal): Promise<DeviceState | undefined> {
  try {
    return parseGet(device, await askUapi(device, socketPath, GET_REQUEST, signal));
  } catch (error) {
    // Not there yet: asked again until the deadline.
    if (error instanceof WireguardError && error.code === 'DeviceUnavailable') return undefined;
    throw error;
  }
}

async function bringUp({ device, run }: Readiness, signal: AbortSignal): Promise<void> {
  try {
    await run('ip', ['link', 'set', 'dev', device, 'up'], { signal });
  } catch (cause) {
    throw hostError('set up the interface', device, cause);
  }
}
