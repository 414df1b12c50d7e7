import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '#pkg/runtime';
import { openBed } from './bed.ts';
import { bedFolder, readPlan } from './bed-folder.ts';
import type { BedCluster } from './cluster.ts';
import { TestbedError } from './errors.ts';
import { type Command, type Flags, parseFlags, USAGE } from './flags.ts';
import { requireRoot } from './prerequisites.ts';
import { progress } from './progress.ts';
import { describeBed } from './status.ts';

const CHECKOUT = resolve(import.meta.dirname, '../..');
const stderr = (line: string): boolean => process.stderr.write(line);

/** Runs one command; the number is the exit code. */
async function run({ dir, command }: Flags, signal: AbortSignal): Promise<number> {
  switch (command.verb) {
    case 'help':
      process.stdout.write(USAGE);
      return 0;
    // What brings beds up and down is read only here: `stop` and `status` of a busy machine start faster without it.
    case 'up': {
      const { upTestbed } = await import('./testbed.ts');
      const { request, bare, replicas } = command;
      const bed = await upTestbed({ ...request, bare, replicas, dir }, signal);
      process.stderr.write(`up: ${bed.clusters.map((cluster) => cluster.name).join(', ')} in ${bed.folder}\n`);
      return 0;
    }
    case 'down': {
      const { downTestbed } = await import('./testbed.ts');
      await downTestbed({ dir }, signal);
      return 0;
    }
    case 'status':
      return status(dir);
    case 'load':
      return load(dir, command, signal);
    case 'exec':
      return execute(await clusterOf(dir, command.target.cluster), command);
    case 'stop':
    case 'start':
      return control(await clusterOf(dir, command.target.cluster), command, signal);
    case 'add-node': {
      const { addNode } = await import('./testbed.ts');
      const { cluster, node } = command.target;
      process.stderr.write(`${await addNode({ dir, cluster, node }, signal)} is Ready\n`);
      return 0;
    }
    case 'remove-node': {
      const { removeNode } = await import('./testbed.ts');
      process.stderr.write(
        `${await removeNode({ dir, cluster: command.cluster, node: command.node }, signal)} is gone\n`,
      );
      return 0;
    }
  }
}

async function clusterOf(dir: string, name: string): Promise<BedCluster> {
  requireRoot('work on the test bed');
  return (await openBed(dir)).cluster(name);
}

async function status(dir: string): Promise<number> {
  const bed = await openBed(dir);
  const plan = await readPlan(bedFolder(dir));
  if (plan === undefined) return 1;
  const { lines, isComplete } = await describeBed(bed, bedFolder(dir), plan);
  process.stdout.write(`${lines.join('\n')}\n`);
  return isComplete ? 0 : 1;
}

async function load(dir: string, command: Command & { verb: 'load' }, signal: AbortSignal): Promise<number> {
  requireRoot('load an image');
  if (!existsSync(command.archive)) {
    const facts = { attempted: 'load an image', where: command.archive, why: 'there is no such file' };
    throw new TestbedError('UnknownTarget', { ...facts, next: 'name an archive of docker save or buildah push' });
  }
  const bed = await openBed(dir);
  const clusters = command.clusters?.map((name) => bed.cluster(name)) ?? bed.clusters;
  await progress(stderr).step(`load ${command.archive} into ${clusters.map(({ name }) => name).join(', ')}`, () =>
    Promise.all(clusters.map((cluster) => cluster.loadImage(command.archive, signal))),
  );
  return 0;
}

/** Terminal and signals are the program's; we only pass its exit code on. */
function execute(cluster: BedCluster, { target, command }: Command & { verb: 'exec' }): Promise<number> {
  const { namespace } = cluster.node(target.node);
  process.on('SIGINT', () => {});
  return new Promise((done, fail) => {
    const child = spawn('nsenter', [`--net=/run/netns/${namespace}`, '--', ...command], { stdio: 'inherit' });
    child.once('error', fail);
    child.once('exit', (code, signal) => done(code ?? (signal === null ? 1 : 130)));
  });
}

async function control(
  cluster: BedCluster,
  command: Command & { verb: 'stop' | 'start' },
  signal: AbortSignal,
): Promise<number> {
  const { component, target } = command;
  const changed =
    command.verb === 'stop'
      ? await cluster.stop(component, { node: target.node, kill: command.kill, signal })
      : await cluster.start(component, { node: target.node, signal });
  const now = command.verb === 'stop' ? 'stopped' : 'running';
  process.stderr.write(`${cluster.name}: ${component} ${changed ? now : `was ${now} already`}\n`);
  return 0;
}

async function main(): Promise<number> {
  const abort = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => abort.abort(new Error(`ended by ${name}; run the same command again to go on`)));
  }
  try {
    return await run(parseFlags(process.argv.slice(2), CHECKOUT), abort.signal);
  } catch (error) {
    process.stderr.write(`testbed: ${messageOf(error)}\n`);
    return 1;
  }
}

process.exitCode = await main();
