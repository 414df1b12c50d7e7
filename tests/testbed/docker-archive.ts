import { createHash } from 'node:crypto';
import { type TarEntry, tar } from './tar.ts';

export interface ImageSpec {
  /** `tombolo.test/busybox:1` */
  readonly tag: string;
  /** Layers, lowest first; each is a tar archive. */
  readonly layers: readonly Buffer[];
  readonly entrypoint: readonly string[];
  readonly command?: readonly string[];
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * The format of `docker save`: manifest.json, a config per image and its layers. Layers that images share are in it
 * once. Read by `ctr images import`, `docker load` and buildah.
 */
export function dockerArchive(images: readonly ImageSpec[]): Buffer {
  const entries = new Map<string, TarEntry>();
  const add = (path: string, content: Buffer): string => {
    entries.set(path, { path, mode: 0o644, content });
    return path;
  };
  const manifest = images.map((image) => {
    const layers = image.layers.map((layer) => ({ digest: sha256(layer), layer }));
    const config = Buffer.from(
      JSON.stringify(
        imageConfig(
          image,
          layers.map(({ digest }) => digest),
        ),
      ),
    );
    return {
      Config: add(`${sha256(config)}.json`, config),
      RepoTags: [image.tag],
      Layers: layers.map(({ digest, layer }) => add(`${digest}.tar`, layer)),
    };
  });
  add('manifest.json', Buffer.from(JSON.stringify(manifest)));
  return tar([...entries.values()]);
}

function imageConfig({ entrypoint, command }: ImageSpec, digests: readonly string[]): object {
  return {
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Entrypoint: entrypoint.length > 0 ? entrypoint : null,
      Cmd: command ?? null,
      WorkingDir: '/',
    },
    rootfs: { type: 'layers', diff_ids: digests.map((digest) => `sha256:${digest}`) },
    history: digests.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'testbed' })),
  };
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
