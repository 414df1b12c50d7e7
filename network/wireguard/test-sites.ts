import { isIPv6 } from 'node:net';
import { type CommandOptions, type CommandResult, runCommand, silentLog } from '#pkg/runtime';
import type { Device, DeviceOptions } from './device.ts';
import { generatePrivateKey, publicKeyOf } from './keys.ts';
import { openDevice } from './open-device.ts';

/** Built by the global setup of these tests. */
export const WIREGUARD_GO = process.env['TOMBOLO_WIREGUARD_GO'];

const answers = (program: string, ...args: string[]): Promise<boolean> =>
  runCommand(program, args).then(
    () => true,
    () => false,
  );

/** Why devices of this kind cannot be tested here; `undefined` where they can. */
export async function whyNot(kind: Device['kind']): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  if (!(await answers('ip', '-V'))) return 'needs ip';
  if (!(await answers('busybox', 'true'))) return 'needs busybox';
  // Tests use it to change by hand what a device of either kind holds.
  if (!(await answers('wg', '--version'))) return 'needs wg';
  if (kind === 'userspace') return WIREGUARD_GO === undefined ? 'needs wireguard-go' : undefined;
  const probe = `twp${process.pid}`;
  if (!(await answers('ip', 'link', 'add', 'dev', probe, 'type', 'wireguard'))) return 'this kernel has no WireGuard';
  await runCommand('ip', ['link', 'delete', 'dev', probe]);
  return undefined;
}

/** What tests here may take: namespaces and forks on a machine that others use too. */
export const PATIENCE_MS = 90_000;

let made = 0;

/** A namespace with a bridge, into which sites are plugged. */
export class Wire implements AsyncDisposable {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  static async create(): Promise<Wire> {
    made += 1;
    const wire = new Wire(`twg-${process.pid}-${made}`);
    await runCommand('ip', ['netns', 'add', wire.name]);
    await runCommand('ip', ['-netns', wire.name, 'link', 'add', 'br0', 'up', 'type', 'bridge']);
    return wire;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runCommand('ip', ['netns', 'delete', this.name]);
  }
}

/** A namespace on the wire, with the device that is tested. */
export class Site implements AsyncDisposable {
  readonly name: string;
  /** Name of the interface. The sockets of all namespaces are in one folder, so it differs from those of other sites. */
  readonly device: string;
  readonly privateKey = generatePrivateKey();
  readonly publicKey = publicKeyOf(this.privateKey);
  readonly #stop = new AbortController();
  readonly #devices: Device[] = [];

  private constructor(at: number) {
    this.name = `twg-${process.pid}-${at}`;
    this.device = `twg${process.pid}n${at}`;
  }

  /** `address`: on the wire, with its prefix length. */
  static async create(wire: Wire, address: string): Promise<Site> {
    made += 1;
    const site = new Site(made);
    const port = `port${made}`;
    await runCommand('ip', ['netns', 'add', site.name]);
    const veth = ['name', 'eth0', 'netns', site.name, 'type', 'veth', 'peer', 'name', port, 'netns', wire.name];
    await runCommand('ip', ['link', 'add', ...veth]);
    await runCommand('ip', ['-netns', wire.name, 'link', 'set', port, 'master', 'br0', 'up']);
    await site.ip('link set lo up', 'link set eth0 up', `addr add ${address} dev eth0`);
    return site;
  }

  get enter(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  readonly run = (program: string, args: readonly string[], options?: CommandOptions): Promise<CommandResult> =>
    runCommand('ip', [...this.enter.slice(1), program, ...args], options);

  /** Lines for `ip -batch`. */
  async ip(...lines: string[]): Promise<void> {
    await runCommand('ip', ['-netns', this.name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  async open(options: Partial<DeviceOptions> = {}): Promise<Device> {
    const device = await openDevice({
      name: this.device,
      signal: this.#stop.signal,
      log: silentLog,
      enter: this.enter,
      ...(WIREGUARD_GO === undefined ? {} : { wireguardGo: WIREGUARD_GO }),
      ...options,
    });
    this.#devices.push(device);
    return device;
  }

  /** Whether an echo request is answered within two seconds. */
  async pings(address: string, source?: string): Promise<boolean> {
    const from = source === undefined ? [] : ['-I', source];
    const args = ['ping', isIPv6(address) ? '-6' : '-4', '-c', '1', '-W', '2', ...from, address];
    return (await this.run('busybox', args, { acceptExitCodes: [0, 1] })).exitCode === 0;
  }

  /** How many packets have come out of the tunnel here. */
  async packetsOut(): Promise<number> {
    const { stdout } = await this.run('ip', ['-json', '-stats', 'link', 'show', 'dev', this.device]);
    const [link] = JSON.parse(stdout) as { stats64: { rx: { packets: number } } }[];
    return link?.stats64.rx.packets ?? Number.NaN;
  }

  /** Of all that runs in this namespace. */
  async pids(): Promise<number[]> {
    const { stdout } = await runCommand('ip', ['netns', 'pids', this.name]);
    return stdout.trim() === '' ? [] : stdout.trim().split('\n').map(Number);
  }

  /** All that `wg` and `ip` say of the interface, without what the kernel itself makes up. */
  async world(): Promise<string> {
    const { stdout: held } = await this.run('wg', ['showconf', this.device]);
    const { stdout: link } = await this.run('ip', ['-o', 'address', 'show', 'dev', this.device]);
    const { stdout: flags } = await this.run('ip', ['-o', 'link', 'show', 'dev', this.device]);
    // Peers come in any order.
    const [own, ...peers] = held.trim().split(/\n+(?=\[Peer\])/);
    return `${[own, ...peers.toSorted()].join('\n')}\n${link}${flags}`.replaceAll(
      /^.*inet6 fe80.*\n|^\d+: | tentative|valid_lft.*$/gm,
      '',
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const device of this.#devices) await device.cleanup(AbortSignal.timeout(30_000));
    this.#stop.abort();
    await runCommand('ip', ['netns', 'delete', this.name]);
  }
}
