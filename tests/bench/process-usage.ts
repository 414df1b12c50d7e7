import { readdir, readFile } from 'node:fs/promises';

/** Clock ticks per second of /proc/<pid>/stat: a constant of the Linux ABI for user space. */
const TICKS = 100;

/** One process as /proc shows it. */
export interface ProcessUsage {
  readonly pid: number;
  /** Words of the command line. */
  readonly command: string;
  /** User and system time of the process since its start, seconds. */
  readonly cpuSeconds: number;
  /** Greatest resident size so far, MiB. */
  readonly peakMiB: number;
}

/**
 * All processes of one test bed whose command line holds `text`; those that end meanwhile are left out.
 * @param group cgroup of the test bed, as its first path segment: another bed may stand on the machine
 */
export async function processesWith(text: string, group: string): Promise<ProcessUsage[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => readProcess(Number(pid), text, group)));
  return found.filter((usage) => usage !== undefined);
}

async function readProcess(pid: number, text: string, group: string): Promise<ProcessUsage | undefined> {
  try {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
    if (!command.includes(text)) return undefined;
    if (!(await readFile(`/proc/${pid}/cgroup`, 'utf8')).includes(`:/${group}/`)) return undefined;
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
    return { pid, command, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS, peakMiB: peak / 1024 };
  } catch {
    return undefined; // it ended while it was read: not part of the picture any more
  }
}

/** Lets `VmHWM` begin anew, so that a peak belongs to what follows. */
export async function resetPeaks(usages: readonly ProcessUsage[]): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  await Promise.allSettled(usages.map(({ pid }) => writeFile(`/proc/${pid}/clear_refs`, '5')));
}

/** CPU seconds that all processors have worked since boot: everything on this machine. */
export async function machineCpuSeconds(): Promise<number> {
  const line = (await readFile('/proc/stat', 'utf8')).split('\n')[0] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / TICKS;
}
