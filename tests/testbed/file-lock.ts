import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ProcessId, isAlive, ownProcessId } from './process-id.ts';

const POLL_MS = 200;

export interface LockOptions {
  readonly signal: AbortSignal;
  /** Called once when somebody else holds the lock and we begin to wait. */
  readonly onWait: (holder: number) => void;
}

/**
 * Holds a lock file until it is disposed; waits while a living process holds it. The lock of a process that died is
 * taken over, so nothing has to be cleaned up after a kill.
 */
export async function fileLock(path: string, { signal, onWait }: LockOptions): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true });
  const own = `${path}.${process.pid}`;
  await writeFile(own, JSON.stringify(await ownProcessId()));
  let waiting = false;
  try {
    // Bounded by the signal: the holder may be at a build of several minutes.
    for (;;) {
      signal.throwIfAborted();
      if (await claimed(own, path)) break;
      const holder = await readHolder(path);
      if (holder === undefined || !(await isAlive(holder))) {
        await removeStale(path, holder);
        continue;
      }
      if (!waiting) onWait(holder.pid);
      waiting = true;
      await sleep(POLL_MS, undefined, { signal });
    }
  } finally {
    await rm(own, { force: true });
  }
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}

/** A hard link either makes the name or fails: the file appears complete, and for one process only. */
async function claimed(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<ProcessId | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ProcessId;
  } catch {
    // Gone in between, or unreadable: both mean that nobody who lives holds it.
    return undefined;
  }
}

/** Two waiters may both find the lock stale; the rename lets one of them remove it and never a fresh one. */
async function removeStale(path: string, holder: ProcessId | undefined): Promise<void> {
  const aside = `${path}.stale.${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = await readHolder(aside);
  if (moved !== undefined && moved.pid !== holder?.pid && (await isAlive(moved))) {
    // Somebody took the lock between our look and the rename: give it back, unless yet another one holds it now.
    await claimed(aside, path);
  }
  await rm(aside, { force: true });
}
