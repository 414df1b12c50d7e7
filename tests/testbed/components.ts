import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, runCommand } from '#pkg/runtime';
import { TestbedError } from './errors.ts';
import { fileLock } from './file-lock.ts';
import type { Progress } from './progress.ts';

/** Programs that no Debian package has in the version we need: built from Go modules, pinned by their go.sum. */
interface ComponentSource {
  /** Folder of the module, from the top of the checkout. Default: that of the component's name below `components`. */
  readonly folder?: string;
  /** Package to build, relative to the component's module. */
  readonly target: string;
  /** `-X` flags: without them the programs call themselves v0.0.0 and clients refuse to work with them. */
  readonly variables: readonly string[];
  /** Minutes on two cores, to tell a person what to expect. */
  readonly minutes: number;
}

const KUBERNETES_VERSION = 'v1.35.4';
const HELM_VERSION = 'v3.22.0';

const SOURCES = {
  kube: {
    target: '.',
    variables: kubernetesVersion('k8s.io/component-base/version', KUBERNETES_VERSION),
    minutes: 5,
  },
  coredns: { target: 'github.com/coredns/coredns', variables: [], minutes: 2 },
  kwok: { target: 'sigs.k8s.io/kwok/cmd/kwok', variables: [], minutes: 2 },
  agnhost: { target: 'k8s.io/kubernetes/test/images/agnhost', variables: [], minutes: 1 },
  helm: {
    target: 'helm.sh/helm/v3/cmd/helm',
    variables: [
      `helm.sh/helm/v3/internal/version.version=${HELM_VERSION}`,
      // What charts are rendered for when no cluster is asked; helm's own default is v1.20.
      'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1',
      'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=35',
      'helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1',
      'helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=35',
    ],
    minutes: 1,
  },
  pause: { target: '.', variables: [], minutes: 0.1 },
  // The one that goes into the image.
  'wireguard-go': {
    folder: 'network/wireguard/wireguard-go',
    target: '.',
    variables: [],
    minutes: 0.2,
  },
} as const satisfies Record<string, ComponentSource>;

export type ComponentName = keyof typeof SOURCES;

function kubernetesVersion(pkg: string, version: string): string[] {
  const [major, minor] = version.slice(1).split('.');
  return [`${pkg}.gitVersion=${version}`, `${pkg}.gitMajor=${major}`, `${pkg}.gitMinor=${minor}`];
}

export interface BuildContext {
  /** Folder of the cache, see cacheFolder. */
  readonly cache: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Longest build seen on two busy cores is 12 minutes; beyond this it hangs. */
const BUILD_TIMEOUT_MS = 60 * 60_000;

/**
 * Path of the program in the cache, built first where it is missing. A build is never visible before it is complete,
 * and two beds that want the same one build it once.
 * @throws TestbedError `MissingPrerequisite` without Go, `StepFailed` where the build fails
 */
export async function ensureComponent(name: ComponentName, context: BuildContext): Promise<string> {
  const { cache, progress, signal } = context;
  const { folder: place = join('tests/testbed/components', name) }: ComponentSource = SOURCES[name];
  const folder = join(import.meta.dirname, '../..', place);
  const program = join(cache, `${name}-${await sourceHash(name, folder, signal)}`);
  if (existsSync(program)) return program;
  await using _lock = await fileLock(join(cache, `${name}.lock`), {
    signal,
    onWait: (pid) => progress.say(`wait for process ${pid}, which builds ${name}`),
  });
  if (existsSync(program)) return program;
  await removeDrafts(cache, name);
  const { minutes } = SOURCES[name];
  await progress.step(`build ${name}, once on this machine (about ${minutes} min on two cores)`, (note) =>
    build(name, { folder, program, note, signal }),
  );
  return program;
}

/** What was left by builds that were killed. Called under the lock, so none of them is alive. */
async function removeDrafts(cache: string, name: ComponentName): Promise<void> {
  await mkdir(cache, { recursive: true });
  for (const entry of await readdir(cache)) {
    if (entry.startsWith(`${name}-`) && entry.endsWith('.draft')) await rm(join(cache, entry), { force: true });
  }
}

interface BuildOptions {
  readonly folder: string;
  readonly program: string;
  readonly note: (detail: string) => void;
  readonly signal: AbortSignal;
}

async function build(name: ComponentName, { folder, program, note, signal }: BuildOptions): Promise<void> {
  // The compiler goes on when we are killed: the next build must not write into the same file.
  const draft = `${program}.${process.pid}.draft`;
  let packages = 0;
  try {
    await runCommand('nice', ['-n', '5', 'go', ...buildArgs(name), '-o', draft, SOURCES[name].target], {
      cwd: folder,
      env: buildEnvironment(),
      timeoutMs: BUILD_TIMEOUT_MS,
      signal,
      // `go build -v` prints each package when it is compiled, and each module that it downloads.
      onStderrLine: (line) => {
        packages += 1;
        note(`${packages} packages, now ${line.slice(0, 80)}`);
      },
    });
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    const lines = cause.stderr.trim().split('\n');
    throw new TestbedError(
      'StepFailed',
      {
        attempted: `build ${name}`,
        where: folder,
        why: lines.at(-1) || cause.why,
        next: 'look whether the Go module proxy can be reached, then run `up` again',
      },
      { cause },
    );
  }
  await rename(draft, program);
}

function buildArgs(name: ComponentName): string[] {
  const flags = ['-s', '-w', ...SOURCES[name].variables.map((variable) => `-X ${variable}`)];
  return ['build', '-v', '-trimpath', '-ldflags', flags.join(' ')];
}

function buildEnvironment(): NodeJS.ProcessEnv {
  // Static programs: they also run in images that hold nothing else. readonly: go.sum decides what is built.
  return { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' };
}

/** Name of a build: changes with sources, pinned modules, compiler and flags. */
async function sourceHash(name: ComponentName, folder: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  hash.update(await compilerVersion(signal)).update(JSON.stringify([buildArgs(name), SOURCES[name].target]));
  for (const file of (await readdir(folder)).sort()) hash.update(file).update(await readFile(join(folder, file)));
  return hash.digest('hex').slice(0, 12);
}

async function compilerVersion(signal: AbortSignal): Promise<string> {
  try {
    const { stdout } = await runCommand('go', ['env', 'GOVERSION', 'GOARCH'], { signal });
    return stdout;
  } catch (cause) {
    if (!(cause instanceof CommandError) || cause.failure !== 'notFound') throw cause;
    throw new TestbedError(
      'MissingPrerequisite',
      {
        attempted: 'build the components of the test bed',
        where: 'this machine',
        why: 'there is no program "go" on the PATH',
        next: 'install Go 1.26 or newer',
      },
      { cause },
    );
  }
}
