import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where built programs and images are kept, outside of any checkout, so that a fresh clone builds nothing. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return env['TOMBOLO_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tombolo');
}

/** @returns the environment in which Node keeps what it compiled, so that the next of many short programs need not do it again */
export function keepingCompiled(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: join(cacheFolder(env), 'compiled'), ...env };
}
