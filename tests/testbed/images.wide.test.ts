import { createHash } from 'node:crypto';
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '#pkg/runtime';
import { dockerArchive } from './docker-archive.ts';
import { type TarEntry, tar } from './tar.ts';

const ENTRIES: TarEntry[] = [
  { path: 'bin', mode: 0o755, directory: true },
  { path: 'bin/tool', mode: 0o755, content: Buffer.from('#!/bin/sh\n') },
  { path: 'bin/link', mode: 0o777, link: 'tool' },
  { path: 'tmp', mode: 0o1777, directory: true },
  { path: 'empty', mode: 0o600, content: Buffer.alloc(0) },
];

test('tar archives are read by tar', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'testbed-'));
  const archive = join(folder.path, 'layer.tar');
  await writeFile(archive, tar(ENTRIES));
  const { stdout } = await runCommand('tar', ['--list', '--verbose', '--utc', '--numeric-owner', '--file', archive]);
  expect(stdout.trimEnd().split('\n')).toEqual([
    'drwxr-xr-x 0/0               0 1970-01-01 00:00 bin/',
    '-rwxr-xr-x 0/0              10 1970-01-01 00:00 bin/tool',
    'lrwxrwxrwx 0/0               0 1970-01-01 00:00 bin/link -> tool',
    'drwxrwxrwt 0/0               0 1970-01-01 00:00 tmp/',
    '-rw------- 0/0               0 1970-01-01 00:00 empty',
  ]);
});

test('the same entries give the same bytes', () => {
  expect(tar(ENTRIES).equals(tar(ENTRIES))).toBe(true);
});

test('a path that does not fit is refused instead of cut', () => {
  expect(() => tar([{ path: 'x'.repeat(101), mode: 0o644, content: Buffer.alloc(0) }])).toThrow(
    'longer than 100 bytes',
  );
});

test('images share a layer in the archive, and their configs name layers by digest', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'testbed-'));
  const [shell, agnhost] = [tar(ENTRIES), tar(ENTRIES.slice(0, 2))];
  const archive = dockerArchive([
    { tag: 'tombolo.test/busybox:1', layers: [shell], entrypoint: [], command: ['/bin/sh'] },
    { tag: 'tombolo.test/agnhost:1', layers: [shell, agnhost], entrypoint: ['/agnhost'] },
  ]);
  await runCommand('tar', ['--extract', '--directory', folder.path], { input: archive });
  const read = async (file: string): Promise<string> => readFile(join(folder.path, file), 'utf8');
  const manifest = JSON.parse(await read('manifest.json')) as {
    Config: string;
    RepoTags: string[];
    Layers: string[];
  }[];
  expect(manifest.map((image) => image.RepoTags)).toEqual([['tombolo.test/busybox:1'], ['tombolo.test/agnhost:1']]);
  expect(manifest[1]?.Layers[0]).toBe(manifest[0]?.Layers[0]);
  const config = JSON.parse(await read(manifest[1]?.Config ?? '')) as { rootfs: { diff_ids: string[] } };
  const digest = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  expect(config.rootfs.diff_ids).toEqual([digest(shell), digest(agnhost)]);
});
