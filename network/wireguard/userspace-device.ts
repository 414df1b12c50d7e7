import { join } from 'node:path';
import { type Backoff, decorrelatedJitter, errorFields, systemClock } from '#pkg/runtime';
import type { DeviceState, WireguardConfig } from './config.ts';
import { checkConfig } from './check-config.ts';
import { ConfiguredEndpoints } from './configured-endpoints.ts';
import type { Device, DeviceOptions } from './device.ts';
import { WireguardError } from './errors.ts';
import { type HostCommand, hostCommand } from './host.ts';
import type { PublicKey } from './keys.ts';
import { applyLink, foreignLink, readLink, removeLink } from './link.ts';
import { isEmptyPlan, planSessionReset, planWireguard, type WireguardPlan } from './plan-wireguard.ts';
import { serial } from './serial.ts';
import { GET_REQUEST, parseGet, renderSet } from './uapi.ts';
import { askUapi } from './uapi-socket.ts';
import { abbreviatedKey, startWireguardGo, type WireguardGo } from './wireguard-go.ts';

/** The first try comes almost at once: traffic stands still meanwhile. */
const MIN_RESTART_MS = 50;
const MAX_RESTART_MS = 10_000;

/** One that ran this long had no fault from its start. */
const HEALTHY_MS = 60_000;

/** WireGuard in a wireguard-go of our own, which is started anew when it dies. */
export class UserspaceDevice implements Device {
  readonly kind = 'userspace';
  readonly name: string;
  readonly #options: DeviceOptions;
  readonly #run: HostCommand;
  readonly #socketPath: string;
  readonly #exclusive = serial();
  readonly #configured = new ConfiguredEndpoints();
  readonly #stopped = new AbortController();
  readonly #signal: AbortSignal;
  #program: WireguardGo | undefined;
  /** What its predecessors had counted. */
  readonly #refusedBefore = new Map<string, number>();
  #config: WireguardConfig | undefined;
  #supervision: Promise<void> = Promise.resolve();

  private constructor(options: DeviceOptions) {
    this.name = options.name;
    this.#options = options;
    this.#run = hostCommand(options.enter ?? []);
    this.#socketPath = join(options.runDirectory ?? '/var/run/wireguard', `${options.name}.sock`);
    this.#signal = AbortSignal.any([options.signal, this.#stopped.signal]);
  }

  /** Takes away what a crash left, starts wireguard-go and waits until it answers. @throws WireguardError */
  static async open(options: DeviceOptions): Promise<UserspaceDevice> {
    const device = new UserspaceDevice(options);
    const first = await device.#start();
    device.#supervision = device.#supervise(first);
    return device;
  }

  read(signal: AbortSignal): Promise<DeviceState | undefined> {
    return this.#exclusive(async () => (this.#program === undefined ? undefined : this.#read(signal)));
  }

  async apply(config: WireguardConfig, signal: AbortSignal): Promise<WireguardPlan> {
    checkConfig(this.name, config);
    return this.#exclusive(() => {
      // Remembered first: where this attempt fails because the program has died, its successor gets the new one.
      this.#config = config;
      return this.#apply(config, signal);
    });
  }

  resetSession(peer: PublicKey, signal: AbortSignal): Promise<boolean> {
    return this.#exclusive(async () => {
      const state = (await this.#read(signal)).peers.find(({ publicKey }) => publicKey === peer);
      const endpoint = state?.configuredEndpoint ?? state?.endpoint;
      if (state === undefined || endpoint === undefined) return false;
      await this.#ask(renderSet(planSessionReset(state, endpoint)), signal);
      return true;
    });
  }

  async cleanup(signal: AbortSignal): Promise<void> {
    await this[Symbol.asyncDispose]();
    await removeLink(this.#run, this.name, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort(new Error('the device was closed'));
    await this.#supervision;
  }

  async #start(): Promise<WireguardGo> {
    const left = await readLink(this.#run, this.name, this.#signal);
    if (left !== undefined && left.kind !== 'tun' && left.kind !== 'wireguard') throw foreignLink(this.name, left);
    if (left !== undefined) await removeLink(this.#run, this.name, this.#signal);
    const { wireguardGo: program = 'wireguard-go', enter = [], log } = this.#options;
    const options = { device: this.name, program, enter, socketPath: this.#socketPath, run: this.#run, log };
    this.#program = await startWireguardGo(options, this.#signal);
    return this.#program;
  }

  /** Ends when the signal aborts, and has ended the program then. Never rejects. */
  async #supervise(first: WireguardGo): Promise<void> {
    const backoff = decorrelatedJitter({ minMs: MIN_RESTART_MS, maxMs: MAX_RESTART_MS });
    let program: WireguardGo | undefined = first;
    while (program !== undefined) {
      const since = performance.now();
      const why = await Promise.race([program.ended, aborted(this.#signal)]);
      if (this.#signal.aborted) return this.#end(program);
      this.#program = undefined;
      for (const [name, count] of program.refusedSources) {
        this.#refusedBefore.set(name, (this.#refusedBefore.get(name) ?? 0) + count);
      }
      this.#configured.forget();
      if (performance.now() - since > HEALTHY_MS) backoff.reset();
      this.#options.log.error({ device: this.name, why }, 'wireguard-go has ended and is started anew');
      program = await this.#restart(backoff);
    }
  }

  /** Tries until it runs with the last configuration; `undefined` once the signal has aborted. */
  async #restart(backoff: Backoff): Promise<WireguardGo | undefined> {
    for (;;) {
      // Its only error is the abort. Not within the exclusive part: others are told at once that nothing runs.
      await systemClock.sleep(backoff.next(), this.#signal).catch(() => {});
      if (this.#signal.aborted) return undefined;
      const program = await this.#exclusive(() => this.#tryStart());
      if (program === undefined) continue;
      this.#options.log.info({ device: this.name, pid: program.pid }, 'wireguard-go runs again');
      this.#options.onReplaced?.();
      return program;
    }
  }

  async #tryStart(): Promise<WireguardGo | undefined> {
    let program: WireguardGo | undefined;
    try {
      program = await this.#start();
      if (this.#config !== undefined) await this.#apply(this.#config, this.#signal);
      return program;
    } catch (error) {
      if (program !== undefined) await this.#end(program);
      if (!this.#signal.aborted) {
        this.#options.log.error({ device: this.name, ...errorFields(error) }, 'wireguard-go does not come back yet');
      }
      return undefined;
    }
  }

  async #end(program: WireguardGo): Promise<void> {
    this.#program = undefined;
    await program.stop();
  }

  async #apply(config: WireguardConfig, signal: AbortSignal): Promise<WireguardPlan> {
    const plan = planWireguard(config, await this.#read(signal));
    if (!isEmptyPlan(plan)) await this.#ask(renderSet(plan), signal);
    this.#configured.remember(config);
    await applyLink(this.#run, this.name, config, signal);
    return plan;
  }

  async #read(signal: AbortSignal): Promise<DeviceState> {
    const state = this.#configured.addTo(parseGet(this.name, await this.#ask(GET_REQUEST, signal)));
    return { ...state, peers: state.peers.map((peer) => ({ ...peer, refusedSources: this.#refused(peer.publicKey) })) };
  }

  #refused(key: PublicKey): number {
    const name = abbreviatedKey(key);
    return (this.#refusedBefore.get(name) ?? 0) + (this.#program?.refusedSources.get(name) ?? 0);
  }

  #ask(request: string, signal: AbortSignal): Promise<string> {
    if (this.#program !== undefined) return askUapi(this.name, this.#socketPath, request, signal);
    throw new WireguardError('DeviceUnavailable', {
      attempted: 'ask a WireGuard device',
      where: this.name,
      why: 'wireguard-go does not run at the moment',
    });
  }
}

function aborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('stopped');
    signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
}
