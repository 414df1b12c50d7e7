import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { CommandError, runCommand } from '#pkg/runtime';
import { ensureBaseImage } from './base-image.ts';
import type { UpContext } from './bed-up.ts';
import { hostCgroups, inGroup } from './cgroups.ts';
import { TestbedError } from './errors.ts';
import { fileLock } from './file-lock.ts';

export const PRODUCT_IMAGE = 'tombolo.test/tombolo:dev';

/** Archives of this many builds are kept: two checkouts side by side, and the one before. */
const KEPT_ARCHIVES = 3;
const BUILD_TIMEOUT_MS = 10 * 60_000;

export interface ProductContext extends UpContext {
  /** Folder of the sources. */
  readonly checkout: string;
}

export interface ProductImage {
  /** Docker archive in the cache. */
  readonly archive: string;
  /** Changes with what is in the image. */
  readonly hash: string;
}

/**
 * The image of the product, built with its own Dockerfile from the sources of the checkout, as a user would. Nothing is
 * bundled or built while sources, Dockerfile and base are those of an image that the cache has.
 */
export async function ensureProductImage(context: ProductContext): Promise<ProductImage> {
  const { cache, progress, signal } = context;
  const base = await ensureBaseImage(context);
  // Bundling empties `dist` and fills it again: no second bed of this machine may read it meanwhile.
  await using _lock = await fileLock(join(cache, 'tombolo.lock'), {
    signal,
    onWait: (pid) => progress.say(`wait for process ${pid}, which builds the image of Tombolo`),
  });
  const hash = await inputHash(context.checkout, base);
  const archive = join(cache, `tombolo-${hash}.tar`);
  if (!existsSync(archive)) {
    await progress.step('bundle Tombolo', () => step('bundle Tombolo', context, process.execPath, ['build.ts']));
    await progress.step('build the image of Tombolo', () => buildImage(context, base, archive));
    await removeOldArchives(cache);
  }
  return { archive, hash };
}

/** Everything that decides what is in the image. The lock file stands for the libraries. */
const INPUT_FILES = ['Dockerfile', '.dockerignore', 'build.ts', 'package.json', 'package-lock.json'];
const INPUT_FOLDERS = ['cmd', 'pkg', 'network', 'reflectors'];

async function inputHash(checkout: string, base: string): Promise<string> {
  const hash = createHash('sha256').update(basename(base));
  const files = [...INPUT_FILES];
  for (const folder of INPUT_FOLDERS) {
    const entries = await readdir(join(checkout, folder), { recursive: true, withFileTypes: true });
    const sources = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'));
    files.push(...sources.map((entry) => relative(checkout, join(entry.parentPath, entry.name))));
  }
  for (const file of files.toSorted()) hash.update(`${file}\n`).update(await readFile(join(checkout, file)));
  return hash.digest('hex').slice(0, 12);
}

async function buildImage(context: ProductContext, base: string, archive: string): Promise<void> {
  // Below the bed's folder, so that `down` finds what a killed build left mounted.
  const store = join(context.bed.path, 'buildah');
  const global = ['--root', join(store, 'root'), '--runroot', join(store, 'run'), '--storage-driver', 'overlay'];
  const draft = `${archive}.draft`;
  await rm(draft, { force: true });
  const cgroups = await hostCgroups();
  const group = `${context.bed.cgroup}/build`;
  await cgroups.ensure(group);
  const buildah = (...args: string[]): Promise<void> => {
    const command = inGroup(cgroups.memberFiles(group), ['buildah', ...global, ...args]);
    return step('build the image of Tombolo', context, '/bin/sh', command);
  };
  await buildah(
    'bud',
    '--isolation',
    'chroot',
    '--build-arg',
    `BASE=docker-archive:${base}`,
    '--tag',
    PRODUCT_IMAGE,
    '.',
  );
  await buildah('push', PRODUCT_IMAGE, `docker-archive:${draft}:${PRODUCT_IMAGE}`);
  await rename(draft, archive);
}

/** Runs one program in the checkout; its last words become the reason of the error. */
async function step(attempted: string, context: ProductContext, program: string, args: string[]): Promise<void> {
  const { checkout, signal } = context;
  try {
    await runCommand(program, args, { cwd: checkout, timeoutMs: BUILD_TIMEOUT_MS, signal });
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    const why = cause.stderr.trim().split('\n').slice(-3).join(' ') || cause.why;
    throw new TestbedError('StepFailed', { attempted, where: checkout, why }, { cause });
  }
}

async function removeOldArchives(cache: string): Promise<void> {
  const names = (await readdir(cache)).filter((name) => /^tombolo-[0-9a-f]{12}\.tar(\.draft)?$/.test(name));
  const dated = await Promise.all(
    names.map(async (name) => ({ path: join(cache, name), at: (await stat(join(cache, name))).mtimeMs })),
  );
  const old = dated.toSorted((a, b) => b.at - a.at).slice(KEPT_ARCHIVES);
  for (const { path } of old) await rm(path, { force: true });
}
