import { existsSync } from 'node:fs';
import { cp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const ROOT = import.meta.dirname;

/** Processes of the container image; one bundle each, with chunks that they share. */
const PROCESSES = ['controller', 'kubelet', 'gateway', 'agent'];

/** CommonJS dependencies call `require`, which an ES module does not have. */
const BANNER = "import{createRequire as r}from'node:module';const require=r(import.meta.url);";

/** Bundles `entries` (name → source) into `outdir`. What is loaded by `import()` stays a chunk of its own. */
async function bundle(entries: Record<string, string>, outdir: string): Promise<void> {
  await rm(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: entries,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    banner: { js: BANNER },
    // The image needs readable stack traces more than the last hundred kilobytes.
    minify: false,
    legalComments: 'linked',
    metafile: true,
    logLevel: 'warning',
    absWorkingDir: ROOT,
  });
  const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
  const files = Object.keys(metafile.outputs).length;
  process.stdout.write(
    `${Object.keys(entries).join(', ')}: ${files} files, ${(bytes / 1e6).toFixed(1)} MB in ${outdir}\n`,
  );
}

/** `dist/app` goes into the image, `dist/cli` is the command line with the chart beside it. */
async function main(): Promise<void> {
  const source = (name: string): string => `cmd/${name}/main.ts`;
  const present = PROCESSES.filter((name) => existsSync(join(ROOT, source(name))));
  if (present.length > 0) {
    await bundle(Object.fromEntries(present.map((name) => [name, source(name)])), 'dist/app');
  }
  if (existsSync(join(ROOT, source('tombolo')))) {
    await bundle({ tombolo: source('tombolo') }, 'dist/cli');
    await cp(join(ROOT, 'charts/tombolo'), join(ROOT, 'dist/cli/chart'), { recursive: true });
  }
  const node = await stat(join(ROOT, 'node_modules/node/bin/node')).catch(() => undefined);
  if (node === undefined) throw new Error('node_modules/node/bin/node is missing: run `npm install` with its scripts');
}

await main();
