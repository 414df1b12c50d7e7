import { mkdir, readFile, readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Cgroups of a bed, on hosts with the old hierarchies (v1) and with the unified one (v2).
 *
 * All processes of a bed are below one group, so that CPU shares inside it are compared with each other and never with
 * what else runs on the host. The group as a whole weighs as much as several programs of the host: with the weight of one,
 * whole clusters starve beside a few busy programs, and lose leases and heartbeats.
 */
export interface Cgroups {
  /** Makes a group and its parents, ready to take processes or to be a kubelet's root. Idempotent. */
  ensure(group: string): Promise<void>;
  /** Gives a group the share of the CPU that so many programs outside of all groups have. */
  weigh(group: string, programs: number): Promise<void>;
  /** Files into which a process writes its id to be in the group and be counted there. */
  memberFiles(group: string): string[];
  /** Numbers of all processes in the group and below. */
  processes(group: string): Promise<number[]>;
  /** Removes the group and all below in every hierarchy. Idempotent; a group that still has processes stays. */
  remove(group: string, signal: AbortSignal): Promise<void>;
}

/**
 * Arguments of `/bin/sh` that run a program inside a group, so that `down` finds it when whoever started it was killed.
 */
export function inGroup(memberFiles: readonly string[], command: readonly string[]): string[] {
  const join = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1"; shift; n=$((n - 1)); done; exec "$@"';
  return ['-c', join, 'sh', String(memberFiles.length), ...memberFiles, ...command];
}

interface Mount {
  readonly path: string;
  readonly type: string;
  readonly controllers: readonly string[];
}

/** A kubelet wants each of these below its root. */
const V2_CONTROLLERS = ['cpu', 'cpuset', 'io', 'memory', 'pids', 'hugetlb'];

export async function hostCgroups(): Promise<Cgroups> {
  const mounts = parseCgroupMounts(await readFile('/proc/self/mountinfo', 'utf8'));
  const old = mounts.filter((mount) => mount.type === 'cgroup');
  const unified = mounts.find((mount) => mount.type === 'cgroup2');
  // A hybrid host mounts both; the controllers are then in the old hierarchies.
  if (old.some((mount) => mount.controllers.includes('cpu'))) return oldHierarchies(old, unified);
  if (unified !== undefined) return unifiedHierarchy(unified.path);
  throw new Error(
    'find the cgroup hierarchies: /proc/self/mountinfo: none is mounted; mount cgroup2 on /sys/fs/cgroup',
  );
}

/** Cgroup mounts of a mountinfo text (proc(5)); one mount a controller set, the first counts. */
export function parseCgroupMounts(mountinfo: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of mountinfo.split('\n')) {
    const [left, right] = line.split(' - ');
    const path = left?.split(' ')[4];
    const [type, , options] = right?.split(' ') ?? [];
    if (path === undefined || (type !== 'cgroup' && type !== 'cgroup2')) continue;
    const controllers = (options ?? '').split(',').filter((option) => option !== 'rw' && option !== 'ro');
    if (mounts.some((mount) => mount.type === type && mount.controllers.join() === controllers.join())) continue;
    mounts.push({ path, type, controllers });
  }
  return mounts;
}

function oldHierarchies(mounts: readonly Mount[], unified: Mount | undefined): Cgroups {
  const cpu = mounts.find((mount) => mount.controllers.includes('cpu'));
  const counted = mounts.filter((mount) => ['cpu', 'cpuacct'].some((name) => mount.controllers.includes(name)));
  return {
    async ensure(group) {
      for (const mount of mounts) {
        for (const level of levels(group)) {
          await mkdir(join(mount.path, level), { recursive: true });
          if (mount.controllers.includes('cpuset')) await inheritCpuset(join(mount.path, level));
        }
      }
    },
    async weigh(group, programs) {
      if (cpu !== undefined) await writeFile(join(cpu.path, group, 'cpu.shares'), String(programs * 1024));
    },
    memberFiles: (group) => counted.map((mount) => join(mount.path, group, 'cgroup.procs')),
    processes: (group) => (cpu === undefined ? Promise.resolve([]) : processesBelow(join(cpu.path, group))),
    async remove(group, signal) {
      // On a hybrid host runc makes its groups in the unified hierarchy too.
      const all = unified === undefined ? mounts : [...mounts, unified];
      for (const mount of all) await removeTree(join(mount.path, group), signal);
    },
  };
}

function unifiedHierarchy(root: string): Cgroups {
  return {
    async ensure(group) {
      const chain = levels(group);
      for (const level of chain) {
        await enableControllers(join(root, level, '..'));
        await mkdir(join(root, level), { recursive: true });
      }
    },
    weigh: (group, programs) => writeFile(join(root, group, 'cpu.weight'), String(Math.min(programs * 100, 10_000))),
    memberFiles: (group) => [join(root, group, 'cgroup.procs')],
    processes: (group) => processesBelow(join(root, group)),
    remove: (group, signal) => removeTree(join(root, group), signal),
  };
}

async function enableControllers(path: string): Promise<void> {
  const available = (await readFile(join(path, 'cgroup.controllers'), 'utf8')).trim().split(' ');
  const wanted = V2_CONTROLLERS.filter((name) => available.includes(name)).map((name) => `+${name}`);
  await writeFile(join(path, 'cgroup.subtree_control'), wanted.join(' '));
}

/** A new cpuset is empty, and a process cannot enter an empty one. */
async function inheritCpuset(path: string): Promise<void> {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const own = (await readFile(join(path, file), 'utf8')).trim();
    if (own === '') await writeFile(join(path, file), await readFile(join(path, '..', file), 'utf8'));
  }
}

/** `a/b/c` gives `a`, `a/b`, `a/b/c`. */
function levels(group: string): string[] {
  const parts = group.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

async function childrenOf(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function processesBelow(path: string): Promise<number[]> {
  let text = '';
  try {
    text = await readFile(join(path, 'cgroup.procs'), 'utf8');
  } catch (error) {
    // ENODEV: the group was removed while we read.
    if (!['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  const own = text.split('\n').filter(Boolean).map(Number);
  const below = await Promise.all((await childrenOf(path)).map(processesBelow));
  return [...own, ...below.flat()];
}

/** The kernel frees a group a moment after its last process is gone: until then rmdir says EBUSY. */
const REMOVE_ATTEMPTS = 50;
const REMOVE_PAUSE_MS = 40;

async function removeTree(path: string, signal: AbortSignal): Promise<void> {
  for (const child of await childrenOf(path)) await removeTree(child, signal);
  for (let attempt = 1; ; attempt++) {
    try {
      await rmdir(path);
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || attempt === REMOVE_ATTEMPTS) throw error;
      await sleep(REMOVE_PAUSE_MS, undefined, { signal });
    }
  }
}
