import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test as base } from 'vitest';
import { runCommand } from '#pkg/runtime';

async function whyNot(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  return runCommand('ip', ['-V']).then(
    () => undefined,
    () => 'needs ip',
  );
}

const missing = await whyNot();
const test = missing === undefined ? base : base.skip;

/** Arguments: own address, port, address of the peer. Prints a line for each change, and ends with its input. */
const PROGRAM = `
import { startProber } from '#network/probe';
import { silentLog } from '#pkg/runtime';
const [address, port, peer] = process.argv.slice(1);
const stop = new AbortController();
const onChange = (_, state) => console.log(state);
const options = { address, port: Number(port), log: silentLog, onChange, onMissed() {} };
const prober = startProber(options, stop.signal);
prober.setTargets(new Map([['peer', peer]]));
process.stdin.on('end', () => stop.abort()).resume();
await prober.ended;
`;

/** A prober in a process of its own, and what it has printed. */
class Prober implements AsyncDisposable {
  readonly said: string[] = [];
  readonly #child: ChildProcess;

  constructor(space: string, ...args: string[]) {
    const program = [process.execPath, '--input-type=module', '--eval', PROGRAM, '--', ...args];
    this.#child = spawn('ip', ['netns', 'exec', space, ...program], {
      // Where names of our packages are known.
      cwd: import.meta.dirname,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.said.push(...text.trim().split('\n')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    expect(await ended).toEqual([0, null]);
  }
}

describe(`prober in a namespace${missing === undefined ? '' : ` (skipped: ${missing})`}`, { timeout: 90_000 }, () => {
  test.each([
    ['IPv4', '192.0.2.1/32', '192.0.2.2/32'],
    ['IPv6', 'fd00::1/128', 'fd00::2/128'],
  ])('waits for its address, and goes on when that was gone: %s', async (_, here, there) => {
    const space = `tprb-${process.pid}`;
    await runCommand('ip', ['netns', 'add', space]);
    const ip = (...args: string[]) => runCommand('ip', ['-netns', space, ...args]);
    const plain = (address: string) => address.replace(/\/.*/, '');
    try {
      await ip('link', 'set', 'lo', 'up');
      await ip('address', 'add', there, 'dev', 'lo');
      await using left = new Prober(space, plain(here), '51841', plain(there));
      await using right = new Prober(space, plain(there), '51841', plain(here));
      const says = (...said: string[]) => expect.poll(() => left.said, { timeout: 20_000 }).toEqual(said);
      await says('down');
      await expect.poll(() => right.said, { timeout: 20_000 }).toEqual(['down']);
      await ip('address', 'add', here, 'dev', 'lo');
      await says('down', 'up');
      await ip('address', 'delete', here, 'dev', 'lo');
      await says('down', 'up', 'down');
      await ip('address', 'add', here, 'dev', 'lo');
      await says('down', 'up', 'down', 'up');
      await expect.poll(() => right.said.at(-1), { timeout: 20_000 }).toBe('up');
    } finally {
      await runCommand('ip', ['netns', 'delete', space]);
    }
  });
});
