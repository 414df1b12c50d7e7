import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where built programs and images are kept, outside of any checkout, so that a fresh clone builds nothing. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return env['TOMBOLO_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tombolo');
}
