import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempDisposable, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileLock } from './file-lock.ts';
import { isAlive, ownProcessId, processId } from './process-id.ts';

const options = (onWait: (pid: number) => void = () => {}) => ({ signal: AbortSignal.timeout(10_000), onWait });

describe('fileLock', () => {
  test('lets one holder at a time in, and leaves no file', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'testbed-'));
    const path = join(folder.path, 'lock');
    const order: string[] = [];
    const waited: number[] = [];
    const first = await fileLock(path, options());
    const second = (async () => {
      await using _lock = await fileLock(
        path,
        options((pid) => waited.push(pid)),
      );
      order.push('second');
    })();
    await expect.poll(() => waited).toEqual([process.pid]);
    order.push('first');
    await first[Symbol.asyncDispose]();
    await second;
    expect(order).toEqual(['first', 'second']);
    expect(await readdir(folder.path)).toEqual([]);
  });

  test('takes the lock of a process that was killed', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'testbed-'));
    const path = join(folder.path, 'lock');
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const holder = await processId(child.pid ?? 0);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await writeFile(path, JSON.stringify(holder));
    await using lock = await fileLock(path, options());
    expect(lock).toBeDefined();
  });

  test('takes a lock file that is empty, as a full disk leaves it', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'testbed-'));
    const path = join(folder.path, 'lock');
    await writeFile(path, '');
    await using lock = await fileLock(path, options());
    expect(lock).toBeDefined();
  });

  test('stops waiting with its signal', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'testbed-'));
    const path = join(folder.path, 'lock');
    await using _held = await fileLock(path, options());
    const signal = AbortSignal.timeout(50);
    await expect(fileLock(path, { signal, onWait: () => {} })).rejects.toThrow();
  });
});

describe('isAlive', () => {
  test('tells this process from an earlier one of the same number', async () => {
    const own = await ownProcessId();
    expect(await isAlive(own)).toBe(true);
    expect(await isAlive({ ...own, startedAt: '1' })).toBe(false);
  });
});
