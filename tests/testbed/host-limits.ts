import { readFile, writeFile } from 'node:fs/promises';
import type { Progress } from './progress.ts';

/**
 * inotify instances of one user. A node takes 7, a control plane 11; the kernel's default of 128 is used up by five
 * clusters, and then kubelets die with "too many open files".
 */
const INOTIFY_INSTANCES = 8192;
const INOTIFY_FILE = '/proc/sys/fs/inotify/max_user_instances';

/** Raises the one limit of the host that several clusters run into. It is never lowered again: others may rely on it. */
export async function raiseHostLimits(progress: Progress): Promise<void> {
  const current = Number(await readFile(INOTIFY_FILE, 'utf8'));
  if (current >= INOTIFY_INSTANCES) return;
  await writeFile(INOTIFY_FILE, String(INOTIFY_INSTANCES));
  progress.say(`raise fs.inotify.max_user_instances from ${current} to ${INOTIFY_INSTANCES}`);
}
