import { readdir, readFile } from 'node:fs/promises';
import { type CommandOptions, type CommandResult, runCommand } from '#pkg/runtime';
import { type Cgroups, inGroup } from '../testbed/cgroups.ts';

/** Where a program runs: whose network it has, and whose share of the processors. */
export interface Place {
  /** Path of a network namespace. */
  readonly network: string;
  /** Files into which the program writes its id, see {@link inGroup}. */
  readonly memberFiles: readonly string[];
}

/** The place of a container: its network, and its cgroup. @param id as in `containerID`, without what is before `//` */
export async function containerPlace(id: string, cgroups: Cgroups): Promise<Place> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const text = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => ''); // it ended while we looked
    const group = groupOf(text, id);
    if (group !== undefined) return { network: `/proc/${pid}/ns/net`, memberFiles: cgroups.memberFiles(group) };
  }
  throw new Error(`find the processes of container ${id}: it has none`);
}

/** Path of the group that counts processors, from the text of /proc/PID/cgroup (cgroups(7)); undefined: another's. */
export function groupOf(text: string, container: string): string | undefined {
  const lines = text.split('\n').map((line) => /^\d+:([^:]*):\/(.*)$/.exec(line) ?? []);
  const [, , path] =
    lines.find(([, names]) => names?.split(',').includes('cpu')) ?? lines.find(([, n]) => n === '') ?? [];
  return path?.includes(container) === true ? path : undefined;
}

/** Program and arguments that stand before a command to run it in `place`, in the very process that they start. */
export function enter({ network, memberFiles }: Place): readonly [string, ...string[]] {
  return ['/bin/sh', ...inGroup(memberFiles, ['nsenter', `--net=${network}`, '--'])];
}

/** @throws CommandError */
export function runIn(place: Place, command: readonly string[], options?: CommandOptions): Promise<CommandResult> {
  const [program, ...args] = [...enter(place), ...command];
  return runCommand(program ?? '', args, options);
}

/** CPU seconds of all processes that are or were in a cgroup and below it, and of the kernel on their behalf. */
export async function groupCpuSeconds(group: string, cgroups: Cgroups): Promise<number> {
  for (const file of cgroups.memberFiles(group)) {
    const folder = file.slice(0, file.lastIndexOf('/'));
    const nanoseconds = await readFile(`${folder}/cpuacct.usage`, 'utf8').catch(() => undefined);
    if (nanoseconds !== undefined) return Number(nanoseconds) / 1e9;
    const unified = await readFile(`${folder}/cpu.stat`, 'utf8').catch(() => '');
    const microseconds = /^usage_usec (\d+)$/m.exec(unified)?.[1];
    if (microseconds !== undefined) return Number(microseconds) / 1e6;
  }
  throw new Error(`read the CPU time of cgroup ${group}: neither cpuacct.usage nor cpu.stat has it`);
}
