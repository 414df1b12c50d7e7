import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '#pkg/runtime';
import { dockerArchive } from './docker-archive.ts';
import { fileLock } from './file-lock.ts';
import type { ImageContext } from './images.ts';
import { writeFileAtomic } from './bed-folder.ts';

/** Where users take `debian:bookworm-slim` from a registry, the bed makes the same from packages. */
const SUITE = 'bookworm';

/** What the `slim` variant of Debian's own images leaves out: half of the size. */
const SLIM = ['man', 'info', 'locale', 'doc', 'lintian', 'linda'].map(
  (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
);
/** What the product's Dockerfile would add: here it finds them, and needs no network of its own. */
const TOOLS = '--include=nftables,iproute2,conntrack,wireguard-tools';
const COPYRIGHT = '--dpkgopt=path-include=/usr/share/doc/*/copyright';

const DEBOOTSTRAP_TIMEOUT_MS = 15 * 60_000;

/** The base image of the product's Dockerfile, as docker archive in the cache. Made once. @returns its path */
export async function ensureBaseImage({ cache, progress, signal }: ImageContext): Promise<string> {
  const archive = join(cache, `base-${SUITE}-4.tar`);
  if (existsSync(archive)) return archive;
  await using _lock = await fileLock(join(cache, 'base.lock'), {
    signal,
    onWait: (pid) => progress.say(`wait for process ${pid}, which makes the base image`),
  });
  if (existsSync(archive)) return archive;
  await progress.step(`make the base image from Debian packages (${SUITE}), once on this machine`, async (note) => {
    // A name of its own for the draft: writeFileAtomic would keep the whole file system in memory twice.
    const root = join(cache, `base-${SUITE}.draft.tar`);
    await mkdir(cache, { recursive: true });
    await rm(root, { force: true });
    await runCommand('mmdebstrap', ['--variant=minbase', '--mode=root', ...SLIM, COPYRIGHT, TOOLS, SUITE, root], {
      timeoutMs: DEBOOTSTRAP_TIMEOUT_MS,
      signal,
      onStderrLine: note,
    });
    const image = { tag: 'tombolo.test/base:1', layers: [await readFile(root)], entrypoint: [], command: ['/bin/sh'] };
    await writeFileAtomic(`${archive}.draft`, dockerArchive([image]));
    await rename(`${archive}.draft`, archive);
    await rm(root, { force: true });
  });
  return archive;
}
