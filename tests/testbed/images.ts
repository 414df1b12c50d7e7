import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runCommand } from '#pkg/runtime';
import { writeFileAtomic } from './bed-folder.ts';
import { dockerArchive } from './docker-archive.ts';
import { fileLock } from './file-lock.ts';
import type { Progress } from './progress.ts';
import { type TarEntry, tar } from './tar.ts';

/** Change it when what this file builds changes: it is part of the archive's name. */
const RECIPE = 1;

export interface ImageInputs {
  readonly agnhost: string;
  readonly coredns: string;
  readonly pause: string;
}

export interface ImageContext {
  readonly cache: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * One archive with the images that every node has: pause, busybox, agnhost and coredns, all `tombolo.test/NAME:1`.
 * Made once and kept in the cache. @returns its path, whose name changes with its content
 */
export async function ensureImages(inputs: ImageInputs, { cache, progress, signal }: ImageContext): Promise<string> {
  const { stdout } = await runCommand(
    'dpkg-query',
    ['-W', '-f', '${Package} ${Version}\n', 'busybox-static', 'bash-static'],
    {
      signal,
    },
  );
  const hash = createHash('sha256')
    .update(JSON.stringify([RECIPE, stdout, Object.values(inputs).map((path) => basename(path))]))
    .digest('hex')
    .slice(0, 12);
  const archive = join(cache, `images-${hash}.tar`);
  if (existsSync(archive)) return archive;
  await using _lock = await fileLock(join(cache, 'images.lock'), {
    signal,
    onWait: (pid) => progress.say(`wait for process ${pid}, which makes the images`),
  });
  if (!existsSync(archive)) {
    await progress.step('make the images of the nodes, once on this machine', () =>
      makeArchive(archive, inputs, signal),
    );
  }
  return archive;
}

async function makeArchive(archive: string, inputs: ImageInputs, signal: AbortSignal): Promise<void> {
  const shell = tar(await shellEntries(signal));
  const program = async (name: string, path: string): Promise<Buffer> =>
    tar([{ path: name, mode: 0o755, content: await readFile(path) }]);
  const images = [
    {
      tag: 'tombolo.test/pause:1',
      layers: [await program('pause', inputs.pause)],
      entrypoint: ['/pause'],
    },
    { tag: 'tombolo.test/busybox:1', layers: [shell], entrypoint: [], command: ['/bin/sh'] },
    {
      // Beside agnhost itself a shell, as the original has: tests exec `hostname` and the like.
      tag: 'tombolo.test/agnhost:1',
      layers: [shell, await program('agnhost', inputs.agnhost)],
      entrypoint: ['/agnhost'],
      command: ['pause'],
    },
    { tag: 'tombolo.test/coredns:1', layers: [await program('coredns', inputs.coredns)], entrypoint: ['/coredns'] },
  ];
  await writeFileAtomic(archive, dockerArchive(images));
}

/**
 * busybox with a link for each applet, and bash as `sh`: busybox' own shell drops environment variables with a `-` in
 * their name, which Kubernetes allows.
 */
async function shellEntries(signal: AbortSignal): Promise<TarEntry[]> {
  const { stdout } = await runCommand('/bin/busybox', ['--list'], { signal });
  const applets = stdout.split('\n').filter((name) => name !== '' && !['busybox', 'sh', 'bash'].includes(name));
  const directory = (path: string, mode = 0o755): TarEntry => ({ path, mode, directory: true });
  const file = (path: string, content: string | Buffer, mode = 0o644): TarEntry => ({
    path,
    mode,
    content: Buffer.from(content),
  });
  const link = (path: string, target: string): TarEntry => ({ path, mode: 0o777, link: target });
  return [
    ...['bin', 'etc', 'home', 'root', 'usr', 'usr/bin', 'var', 'var/run'].map((path) => directory(path)),
    directory('tmp', 0o1777),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'),
    file('etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
    file('bin/busybox', await readFile('/bin/busybox'), 0o755),
    file('bin/bash', await readFile('/bin/bash-static'), 0o755),
    link('bin/sh', 'bash'),
    link('usr/bin/env', '/bin/busybox'),
    ...applets.map((name) => link(`bin/${name}`, 'busybox')),
  ];
}
