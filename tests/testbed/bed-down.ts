import { readFile, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '#pkg/runtime';
import { type BedFolder, PLAN_FILE } from './bed-folder.ts';
import { bedLock, isBedFolder, MARKER_FILE, type UpContext } from './bed-up.ts';
import { hostCgroups, type Cgroups } from './cgroups.ts';
import { TestbedError } from './errors.ts';
import { mountedNamespaces, namespacesOf, removeNetwork } from './network.ts';
import { requireRoot } from './prerequisites.ts';
import { killProcess } from './process-id.ts';

/** A killed process with a lot of memory needs a moment; one that hangs in the kernel stays for ever. */
const KILL_DEADLINE_MS = 30_000;
const POLL_MS = 50;

/**
 * Removes a bed: processes, mounts, namespaces, links, cgroups and the folder. Works from any half state, looks only
 * at what carries the bed's name, and is safe to run twice.
 */
export async function removeBed(context: UpContext): Promise<void> {
  const { bed, progress, signal } = context;
  requireRoot('take the test bed down');
  await using _lock = await bedLock(context);
  const cgroups = await hostCgroups();
  await progress.step('end all processes', () => killAll(bed, cgroups, signal));
  await progress.step('remove mounts, network, cgroups and files', async () => {
    const sockets: string[] = [];
    for (const cluster of await folders(bed.path)) {
      for (const node of await folders(cluster)) sockets.push(...(await shimSockets(node)));
    }
    await unmountBelow(bed.path, signal);
    await removeNetwork(bed, signal);
    await cgroups.remove(bed.cgroup, signal);
    for (const socket of sockets) await rm(socket, { force: true });
    await removeFolder(bed);
  });
}

/**
 * What says whose the folder is goes last, so that a second run knows it too: first everything that hangs on the plan,
 * then the plan, then the marker.
 */
async function removeFolder(bed: BedFolder): Promise<void> {
  if (!(await isBedFolder(bed))) return;
  const last = [PLAN_FILE, MARKER_FILE];
  const names = (await readdir(bed.path)).filter((name) => !last.includes(name));
  for (const name of [...names, ...last]) await rm(join(bed.path, name), { recursive: true, force: true });
  await rmdir(bed.path);
}

async function killAll(bed: BedFolder, cgroups: Cgroups, signal: AbortSignal): Promise<void> {
  const names = await namespacesOf(bed);
  // Whatever the bed started is in its cgroup, also shims and pods; a program of `exec` is only in a namespace.
  await endProcesses(
    bed.path,
    async () => [...(await cgroups.processes(bed.cgroup)), ...(await namespaceProcesses(names, signal))],
    signal,
  );
}

/** Kills what `list` finds until it finds nothing. @param where for the error */
export async function endProcesses(where: string, list: () => Promise<number[]>, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + KILL_DEADLINE_MS;
  for (;;) {
    const pids = await list();
    if (pids.length === 0) return;
    if (performance.now() > deadline) {
      throw new TestbedError('StepFailed', {
        attempted: 'end the processes of the test bed',
        where,
        why: `processes ${pids.join(', ')} do not end`,
        next: 'run the command again; if they stay, only a restart of the machine ends them',
      });
    }
    for (const pid of pids) killProcess(pid);
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** Processes in those of the network namespaces that are mounted. */
export async function namespaceProcesses(names: readonly string[], signal: AbortSignal): Promise<number[]> {
  const mounted = await mountedNamespaces();
  const standing = names.filter((name) => mounted.has(name));
  const lists = await Promise.all(standing.map((name) => runCommand('ip', ['netns', 'pids', name], { signal })));
  return lists.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean).map(Number));
}

/** containerd's shims listen on sockets outside of its folder; each shim's bundle in the folder of the node says where. */
export async function shimSockets(node: string): Promise<string[]> {
  const sockets: string[] = [];
  for (const bundle of await folders(join(node, 'containerd/state/io.containerd.runtime.v2.task/k8s.io'))) {
    const address = await readFile(join(bundle, 'address'), 'utf8').catch(() => '');
    if (address.startsWith('unix:///run/containerd/s/')) sockets.push(address.slice('unix://'.length).trim());
  }
  return sockets;
}

async function folders(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name));
}

/** Mount points below a folder, deepest first, from the text of mountinfo (proc(5): octal escapes, `//deleted`). */
export function mountsBelow(mountinfo: string, folder: string): string[] {
  const points = mountinfo
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '')
        .replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
        .replace(/\/\/deleted$/, ''),
    );
  return points.filter((point) => point.startsWith(`${folder}/`)).toReversed();
}

/** Mounts may be stacked and new ones may surface: a few rounds are enough for any stack we make. */
const UNMOUNT_ROUNDS = 10;
const UNMOUNT_BATCH = 200;

/** Unmounts everything below a folder. @throws TestbedError `StepFailed` */
export async function unmountBelow(folder: string, signal: AbortSignal): Promise<void> {
  for (let round = 0; round < UNMOUNT_ROUNDS; round++) {
    const points = mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), folder);
    if (points.length === 0) return;
    for (let start = 0; start < points.length; start += UNMOUNT_BATCH) {
      // 32: some failed; the next round tells which are still there.
      await runCommand('umount', ['--lazy', ...points.slice(start, start + UNMOUNT_BATCH)], {
        signal,
        acceptExitCodes: [0, 1, 32],
      });
    }
  }
  const left = mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), folder);
  if (left.length === 0) return;
  throw new TestbedError('StepFailed', {
    attempted: 'unmount what the test bed mounted',
    where: left[0] ?? folder,
    why: 'it cannot be unmounted',
    next: 'unmount it, then run the command again',
  });
}
