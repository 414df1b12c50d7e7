import { messageOf } from '#pkg/runtime';
import { cacheFolder } from './cache-folder.ts';
import { ensureComponent } from './components.ts';
import { progress } from './progress.ts';

/**
 * Global setup of vitest's project `wide`: tests find wireguard-go in the variable `TOMBOLO_WIREGUARD_GO`. Where it cannot
 * be built, the reason is said here and they are skipped.
 */
export async function setup(): Promise<void> {
  const context = {
    cache: cacheFolder(process.env),
    progress: progress((line) => void process.stderr.write(line)),
    signal: new AbortController().signal,
  };
  try {
    process.env['TOMBOLO_WIREGUARD_GO'] ??= await ensureComponent('wireguard-go', context);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
  }
}
