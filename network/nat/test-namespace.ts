import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type CommandOptions, type CommandResult, runCommand } from '#pkg/runtime';
import type { Run } from './run.ts';

/** Why tests with network namespaces cannot run here; `undefined` where they can. */
export async function missingTool(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  for (const [tool, ...args] of [
    ['ip', '-V'],
    ['nft', '--version'],
    ['conntrack', '-V'],
    ['busybox', 'true'],
  ] as const) {
    const works = await runCommand(tool, args).then(
      () => true,
      () => false,
    );
    if (!works) return `needs ${tool}`;
  }
  return undefined;
}

/** Answers over TCP and UDP with the source address that it saw. */
const SERVER = `
const plain = (address) => address.replace('::ffff:', '');
const tcp = require('node:net').createServer((socket) => socket.end(plain(socket.remoteAddress)));
const udp = require('node:dgram').createSocket('udp6');
udp.on('message', (_, from) => udp.send(plain(from.address), from.port, from.address));
udp.bind(7000, '::', () => tcp.listen(7000, '::', () => console.log('ready')));
`;

const CLIENT = `
const [protocol, address, port] = process.argv.slice(1);
setTimeout(() => { console.log('nothing'); process.exit(); }, 3000);
const say = (data) => { console.log(String(data)); process.exit(); };
if (protocol === 'tcp') require('node:net').connect(Number(port), address).on('data', say).on('error', () => say('nothing'));
else {
  const socket = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4').on('message', say);
  socket.send('?', Number(port), address);
}
`;

let made = 0;

/** A throw-away network namespace; what runs in it ends with it. */
export class Namespace implements AsyncDisposable {
  readonly name: string;
  readonly #children: ChildProcess[] = [];

  private constructor(name: string) {
    this.name = name;
  }

  static async create(label: string): Promise<Namespace> {
    made += 1;
    const space = new Namespace(`tnat-${process.pid}-${made}-${label}`);
    await runCommand('ip', ['netns', 'add', space.name]);
    await space.ip('link set lo up');
    return space;
  }

  readonly run: Run = (program, args, options?: CommandOptions): Promise<CommandResult> =>
    runCommand('ip', ['netns', 'exec', this.name, program, ...args], options);

  /** Lines for `ip -batch`. */
  async ip(...lines: string[]): Promise<void> {
    await runCommand('ip', ['-netns', this.name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** Answers on a device for addresses that the namespace has routes to, at once (by default after up to 0.8 s). */
  async proxyArp(device: string): Promise<void> {
    await this.run('sysctl', ['-qw', `net/ipv4/conf/${device}/proxy_arp=1`, `net/ipv4/neigh/${device}/proxy_delay=0`]);
  }

  async nft(text: string): Promise<void> {
    await this.run('nft', ['-f', '-'], { input: text });
  }

  async serve(): Promise<void> {
    const child = spawn('ip', ['netns', 'exec', this.name, process.execPath, '-e', SERVER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    await once(child.stdout, 'data');
  }

  /** The source that a server at `address` saw, or `nothing` after 3 s. */
  async ask(protocol: 'tcp' | 'udp', address: string, port = 7000): Promise<string> {
    return (await this.run(process.execPath, ['-e', CLIENT, protocol, address, `${port}`])).stdout.trim();
  }

  /** Whether one echo request is answered within a second. */
  async pings(address: string, source?: string): Promise<boolean> {
    const args = ['ping', '-c', '1', '-W', '1', ...(source === undefined ? [] : ['-I', source]), address];
    return (await this.run('busybox', args, { acceptExitCodes: [0, 1] })).exitCode === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      child.kill('SIGKILL');
      child.unref(); // its end is not waited for: a machine under load has been seen to tell it too late
    }
    await runCommand('ip', ['netns', 'del', this.name]);
  }
}
