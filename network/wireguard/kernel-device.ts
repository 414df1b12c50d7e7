import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError } from '#pkg/runtime';
import type { DeviceState, WireguardConfig } from './config.ts';
import { checkConfig } from './check-config.ts';
import { ConfiguredEndpoints } from './configured-endpoints.ts';
import type { Device, DeviceOptions } from './device.ts';
import { WireguardError } from './errors.ts';
import { type HostCommand, hostCommand, hostError } from './host.ts';
import type { PublicKey } from './keys.ts';
import { applyLink, foreignLink, readLink, removeLink } from './link.ts';
import { isEmptyPlan, planSessionReset, planWireguard, type WireguardPlan } from './plan-wireguard.ts';
import { serial } from './serial.ts';
import { parseDump, renderWgSet } from './wg-tool.ts';

/** WireGuard in the kernel, told by `wg`. The interface outlives this process, and is taken over by the next. */
export class KernelDevice implements Device {
  readonly kind = 'kernel';
  readonly name: string;
  readonly #run: HostCommand;
  readonly #secretDirectory: string;
  readonly #exclusive = serial();
  readonly #configured = new ConfiguredEndpoints();

  constructor(options: DeviceOptions) {
    this.name = options.name;
    this.#run = hostCommand(options.enter ?? []);
    this.#secretDirectory = options.secretDirectory ?? '/dev/shm';
  }

  read(signal: AbortSignal): Promise<DeviceState | undefined> {
    return this.#exclusive(() => this.#read(signal));
  }

  async apply(config: WireguardConfig, signal: AbortSignal): Promise<WireguardPlan> {
    checkConfig(this.name, config);
    return this.#exclusive(async () => {
      const actual = (await this.#read(signal)) ?? (await this.#create(signal));
      const plan = planWireguard(config, actual);
      if (!isEmptyPlan(plan)) await this.#set(plan, signal);
      this.#configured.remember(config);
      await applyLink(this.#run, this.name, config, signal);
      return plan;
    });
  }

  resetSession(peer: PublicKey, signal: AbortSignal): Promise<boolean> {
    return this.#exclusive(async () => {
      const state = (await this.#read(signal))?.peers.find(({ publicKey }) => publicKey === peer);
      const endpoint = state?.configuredEndpoint ?? state?.endpoint;
      if (state === undefined || endpoint === undefined) return false;
      await this.#set(planSessionReset(state, endpoint), signal);
      return true;
    });
  }

  cleanup(signal: AbortSignal): Promise<void> {
    return this.#exclusive(async () => {
      await removeLink(this.#run, this.name, signal);
      this.#configured.forget();
    });
  }

  /** Leaves the interface: traffic goes on while the gateway restarts. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exclusive(async () => {});
  }

  async #create(signal: AbortSignal): Promise<DeviceState> {
    this.#configured.forget();
    await createKernelLink(this.#run, this.name, signal);
    return { listenPort: 0, firewallMark: 0, peers: [] };
  }

  async #read(signal: AbortSignal): Promise<DeviceState | undefined> {
    try {
      const { stdout } = await this.#run('wg', ['show', this.name, 'dump'], { signal });
      return this.#configured.addTo(parseDump(this.name, stdout));
    } catch (cause) {
      const error = hostError('read a WireGuard device', this.name, cause);
      if (error instanceof WireguardError && error.code === 'DeviceUnavailable') return undefined;
      throw error;
    }
  }

  async #set(plan: WireguardPlan, signal: AbortSignal): Promise<void> {
    // mkdtemp makes the folder readable by its owner only.
    const folder = await mkdtemp(join(this.#secretDirectory, 'wireguard-'));
    try {
      const { args, files } = renderWgSet(this.name, plan, (file) => join(folder, file));
      for (const [file, key] of files) await writeFile(join(folder, file), `${key.base64()}\n`, { mode: 0o600 });
      await this.#run('wg', args, { signal });
    } catch (cause) {
      throw hostError('configure a WireGuard device', this.name, cause);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/**
 * Makes the interface, or finds one that the kernel already has.
 * @throws WireguardError `MissingWireguardModule` where the kernel has no WireGuard, `DeviceBusy` where another interface
 *   has this name
 */
export async function createKernelLink(run: HostCommand, name: string, signal: AbortSignal): Promise<void> {
  const link = await readLink(run, name, signal);
  if (link?.kind === 'wireguard') return;
  // With a program behind it: left by a userspace device that crashed.
  if (link !== undefined && link.kind !== 'tun') throw foreignLink(name, link);
  if (link !== undefined) await removeLink(run, name, signal);
  const attempted = 'make a WireGuard interface';
  try {
    await run('ip', ['link', 'add', 'dev', name, 'type', 'wireguard'], { signal });
  } catch (cause) {
    if (cause instanceof CommandError && /unknown device type|not supported/i.test(cause.stderr)) {
      throw new WireguardError('MissingWireguardModule', { attempted, where: name, why: cause.why }, { cause });
    }
    throw hostError(attempted, name, cause);
  }
}
