import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build, type Plugin } from 'esbuild';

const ROOT = import.meta.dirname;

/** Processes of the container image; one bundle each, with chunks that they share. */
const PROCESSES = ['controller', 'kubelet', 'gateway', 'agent', 'verify'];

/** CommonJS dependencies call `require`, which an ES module does not have. */
const BANNER = "import{createRequire as r}from'node:module';const require=r(import.meta.url);";

/**
 * Keeps the named exports of CommonJS packages that are loaded by `import()`. Node finds them by reading the source; with
 * `splitting` esbuild puts such a package into a chunk that has a default export and nothing else. So each is loaded through
 * a module that names them one by one.
 */
const namedExports: Plugin = {
  name: 'named-exports',
  setup(builder) {
    builder.onResolve({ filter: /^[^.#]/ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (kind !== 'dynamic-import' || path.startsWith('node:') || pluginData === namedExports) return undefined;
      const resolved = await builder.resolve(path, { kind, resolveDir, pluginData: namedExports });
      if (await isModule(resolved.path)) return undefined;
      return { path, namespace: namedExports.name, pluginData: resolveDir };
    });
    builder.onLoad({ filter: /./, namespace: namedExports.name }, async ({ path, pluginData }) => {
      const names = Object.keys((await import(path)) as object).filter((name) => /^[A-Za-z_$][\w$]*$/.test(name));
      const lines = names.map((name, index) => `const a${index} = all.${name}; export { a${index} as ${name} };`);
      const contents = [`import * as all from ${JSON.stringify(path)};`, ...lines].join('\n');
      return { contents, resolveDir: pluginData as string };
    });
  },
};

/** Whether a bundler takes a file for an ES module: by what is written in it, whatever its name and its package say. */
async function isModule(file: string): Promise<boolean> {
  return /^(?:import|export)\b/m.test(await readFile(file, 'utf8'));
}

/** Bundles `entries` (name → source) into `outdir`. What is loaded by `import()` stays a chunk of its own. */
async function bundle(entries: Record<string, string>, outdir: string): Promise<void> {
  // Written aside and moved: whoever reads or builds `dist` at the same time sees a whole one.
  const draft = `${outdir}.${process.pid}`;
  const { metafile } = await build({
    entryPoints: entries,
    outdir: draft,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // ES modules first: the names of a CommonJS module are lost when a chunk is loaded by `import()`.
    mainFields: ['module', 'main'],
    banner: { js: BANNER },
    // The image needs readable stack traces more than the last hundred kilobytes.
    minify: false,
    legalComments: 'linked',
    plugins: [namedExports],
    metafile: true,
    logLevel: 'warning',
    absWorkingDir: ROOT,
  });
  await rm(join(ROOT, outdir), { recursive: true, force: true });
  await rename(join(ROOT, draft), join(ROOT, outdir));
  const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
  const files = Object.keys(metafile.outputs).length;
  process.stdout.write(
    `${Object.keys(entries).join(', ')}: ${files} files, ${(bytes / 1e6).toFixed(1)} MB in ${outdir}\n`,
  );
}

/** The tunnel for hosts whose kernel has no WireGuard. The same bytes again while module, compiler and flags are the same. */
async function buildWireguardGo(): Promise<void> {
  const args = ['build', '-trimpath', '-ldflags', '-s -w', '-o', join(ROOT, 'dist/bin/wireguard-go')];
  await promisify(execFile)('go', [...args, '.'], {
    cwd: join(ROOT, 'network/wireguard/wireguard-go'),
    // Static; go.sum decides what is built.
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' },
  }).catch((cause: Error & { code?: string }) => {
    const why =
      cause.code === 'ENOENT' ? 'there is no program "go" on the PATH: install Go 1.25 or newer' : cause.message;
    throw new Error(`cannot build wireguard-go, which the image needs: ${why}`, { cause });
  });
}

/** `dist/app` and `dist/bin` go into the image, `dist/cli` is the command line with the chart beside it. */
async function main(): Promise<void> {
  const source = (name: string): string => `cmd/${name}/main.ts`;
  const present = PROCESSES.filter((name) => existsSync(join(ROOT, source(name))));
  if (present.length > 0) {
    await bundle(Object.fromEntries(present.map((name) => [name, source(name)])), 'dist/app');
    await buildWireguardGo();
  }
  if (existsSync(join(ROOT, source('tombolo')))) {
    await bundle({ tombolo: source('tombolo') }, 'dist/cli');
    await cp(join(ROOT, 'charts/tombolo'), join(ROOT, 'dist/cli/chart'), { recursive: true });
    await cp(join(ROOT, 'cmd/tombolo/bin'), join(ROOT, 'dist/cli/bin'), { recursive: true, verbatimSymlinks: true });
  }
  const node = await stat(join(ROOT, 'node_modules/node/bin/node')).catch(() => undefined);
  if (node === undefined) throw new Error('node_modules/node/bin/node is missing: run `npm install` with its scripts');
}

await main();
