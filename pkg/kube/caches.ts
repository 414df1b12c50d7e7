import type { TaskGroup } from '#pkg/runtime';
import type { Informer } from './informer-interface.ts';
import type { KubeObject } from './object.ts';

/** The caches of a process by name, whatever kinds they hold. */
type Caches = Readonly<Record<string, Informer<never> | Informer<KubeObject>>>;

/** Runs the caches in the group, and waits for nothing. */
export function runCaches(caches: Caches, group: TaskGroup): void {
  for (const [name, cache] of Object.entries(caches)) group.start(`cache of ${name}`, (signal) => cache.run(signal));
}

/** Runs the caches in the group. Resolves when all have been read once, or when the group ends. */
export async function startCaches(caches: Caches, group: TaskGroup): Promise<void> {
  runCaches(caches, group);
  await Promise.race([Promise.all(Object.values(caches).map((cache) => cache.synced)), group.settled]);
}

/** Name of the first cache that has not been read yet. */
export function firstUnsynced(caches: Readonly<Record<string, { readonly isSynced: boolean }>>): string | undefined {
  return Object.entries(caches).find(([, cache]) => !cache.isSynced)?.[0];
}
