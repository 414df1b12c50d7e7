/** A further host on the link of a bed: a network namespace on its bridge, in which tests run what speaks mDNS. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { bedAddress } from '../../testbed/address-plan.ts';
import { bedFolder, readPlan } from '../../testbed/bed-folder.ts';
import { type Bed, call, type Outcome } from '../bed.ts';

export interface LinkHost extends AsyncDisposable {
  readonly address: string;
  /** Further addresses of it, from which it may send. */
  readonly others: readonly string[];
  /** Runs a program there to its end; never throws on an exit code. */
  call(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome>;
  /** Starts a program there, which ends with the host. */
  start(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): Running;
}

/** A program that runs; disposing ends it and waits. */
export interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  /** The end of what it has printed. */
  said(): string;
}

/** Nodes count up from 10, the bridge is 254, the machine 1. */
const HOSTS = { avahi: 252, speaker: 251 } as const;
const FIRST_OTHER = 100;

async function ip(...args: string[]): Promise<void> {
  const { code, stderr } = await call('ip', args);
  if (code !== 0) throw new Error(`ip ${args.join(' ')}: exit ${code}: ${stderr}`);
}

/**
 * Makes the host; what a run that was killed has left of it goes first.
 * @param others how many further addresses it gets
 */
export async function linkHost(bed: Bed, name: keyof typeof HOSTS, others = 0): Promise<LinkHost> {
  const folder = bedFolder(bed.folder);
  const plan = await readPlan(folder);
  if (plan === undefined) throw new Error(`no test bed in ${bed.folder}`);
  const address = bedAddress(plan.subnet, HOSTS[name]);
  const more = Array.from({ length: others }, (_, n) => bedAddress(plan.subnet, FIRST_OTHER + n));
  const bridge = folder.bridgeNamespace;
  const namespace = `${bridge}-${name}`; // `testbed down` takes it along
  await call('ip', ['netns', 'delete', namespace]);
  await call('ip', ['-n', bridge, 'link', 'delete', name]);

  await using stack = new AsyncDisposableStack();
  stack.defer(async () => void (await call('ip', ['netns', 'delete', namespace])));
  await ip('netns', 'add', namespace);
  await ip('-n', bridge, 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
  await ip('-n', bridge, 'link', 'set', name, 'master', 'br0', 'up');
  for (const own of [address, ...more]) await ip('-n', namespace, 'address', 'add', `${own}/24`, 'dev', 'eth0');
  await ip('-n', namespace, 'link', 'set', 'eth0', 'up');
  await ip('-n', namespace, 'link', 'set', 'lo', 'up');

  const inside = (program: string, args: readonly string[]) => [
    `--net=${join('/run/netns', namespace)}`,
    program,
    ...args,
  ];
  const owned = stack.move();
  return {
    address,
    others: more,
    call: (program, args, env = process.env) => call('nsenter', inside(program, args), { env, timeoutMs: 20_000 }),
    start(program, args, env = process.env) {
      const running = run('nsenter', inside(program, args), env);
      owned.use(running);
      return running;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Starts a program of which the end may be waited for twice. */
export function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Running {
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said = (said + chunk).slice(-4_000)));
  child.on('error', (error) => (said += String(error)));
  child.stdin.on('error', () => {}); // it ended: `said` and its exit code tell why
  return {
    child,
    said: () => said,
    async [Symbol.asyncDispose]() {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}
