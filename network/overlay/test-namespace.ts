import { isIPv6 } from 'node:net';
import { type CommandOptions, type CommandResult, runCommand } from '#pkg/runtime';
import type { Sysctls } from './sysctls.ts';

/** Why tests with network namespaces cannot run here; `undefined` where they can. */
export async function missingTool(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  for (const tool of ['ip', 'bridge', 'sysctl', 'busybox']) {
    const found = await runCommand('which', [tool], { acceptExitCodes: [0, 1] });
    if (found.exitCode !== 0) return `needs ${tool}`;
  }
  return undefined;
}

let made = 0;

/** A throw-away network namespace. */
export class Namespace implements AsyncDisposable {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  static async create(label: string): Promise<Namespace> {
    made += 1;
    const space = new Namespace(`tovl-${process.pid}-${made}-${label}`);
    await runCommand('ip', ['netns', 'add', space.name]);
    await space.ip('link set lo up');
    return space;
  }

  readonly run = (program: string, args: readonly string[], options?: CommandOptions): Promise<CommandResult> =>
    runCommand('ip', ['netns', 'exec', this.name, program, ...args], options);

  /** Settings of this namespace: /proc/sys shows those of the process that looks. */
  readonly sysctls: Sysctls = {
    read: async (key) => {
      const { exitCode, stdout } = await this.run('sysctl', ['-n', key], { acceptExitCodes: [0, 1, 255] });
      return exitCode === 0 ? stdout.trim() : undefined;
    },
    write: async (key, value) => {
      await this.run('sysctl', ['-qw', `${key}=${value}`]);
    },
  };

  /** Lines for `ip -batch`. */
  async ip(...lines: string[]): Promise<void> {
    await runCommand('ip', ['-netns', this.name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** Whether an echo request from `source` is answered within two seconds. */
  async pings(address: string, source: string): Promise<boolean> {
    const args = ['ping', isIPv6(address) ? '-6' : '-4', '-c', '1', '-W', '2', '-I', source, address];
    return (await this.run('busybox', args, { acceptExitCodes: [0, 1] })).exitCode === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runCommand('ip', ['netns', 'del', this.name]);
  }
}
