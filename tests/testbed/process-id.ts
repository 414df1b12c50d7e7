import { readFile } from 'node:fs/promises';

/** A process that cannot be mixed up with a later one of the same number. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot at which it started (field 22 of /proc/PID/stat). */
  readonly startedAt: string;
}

/** The identity of a running process, undefined where there is none (a zombie counts as none). */
export async function processId(pid: number): Promise<ProcessId | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // ENOENT, or ESRCH when it ends while we read: no such process either way.
    return undefined;
  }
  // The second field is the program's name in parentheses and may hold anything, also spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startedAt] = [fields[0], fields[19]];
  if (state === 'Z' || state === 'X' || startedAt === undefined) return undefined;
  return { pid, startedAt };
}

export async function ownProcessId(): Promise<ProcessId> {
  const own = await processId(process.pid);
  if (own === undefined) throw new Error('read /proc/self/stat: this process is not there; is /proc mounted?');
  return own;
}

/** Is exactly this process still running? A later one under the same number is not it. */
export async function isAlive(id: ProcessId): Promise<boolean> {
  return (await processId(id.pid))?.startedAt === id.startedAt;
}

/** Ends a process at once; one that is gone already is fine. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended by itself in between.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
