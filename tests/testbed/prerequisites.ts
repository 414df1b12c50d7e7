import { CommandError, messageOf, runCommand } from '#pkg/runtime';
import { TestbedError } from './errors.ts';
import type { Progress } from './progress.ts';

/** Debian packages of clusters, and of tests that look at what runs in them. */
export const CLUSTER_PACKAGES = [
  'containerd',
  'runc',
  'containernetworking-plugins',
  'nftables',
  'iproute2',
  'iptables',
  'conntrack',
  'wireguard-tools',
  'busybox-static',
  'bash-static',
];

/** Debian packages with which the image of the product is built. */
export const IMAGE_PACKAGES = ['buildah', 'mmdebstrap'];

const APT_TIMEOUT_MS = 15 * 60_000;

export interface PrerequisiteContext {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** @throws TestbedError `MissingPrerequisite` unless `uid` (default: ours) is root */
export function requireRoot(attempted: string, uid = process.getuid?.()): void {
  if (uid === 0) return;
  throw new TestbedError('MissingPrerequisite', {
    attempted,
    where: 'this machine',
    why: 'network namespaces, cgroups and mounts need root',
    next: 'run the same command with sudo',
  });
}

/** Installs what is missing of `packages`, and says so. @throws TestbedError `MissingPrerequisite` */
export async function ensurePackages(packages: readonly string[], context: PrerequisiteContext): Promise<void> {
  const missing = await missingPackages(packages, context.signal);
  if (missing.length === 0) return;
  await context.progress.step(`install Debian packages: ${missing.join(' ')}`, async (note) => {
    const run = (args: readonly string[]): Promise<unknown> => aptGet(args, missing, note, context.signal);
    await run(['update']);
    await run(['install', '--yes', '--no-install-recommends', ...missing]);
  });
}

async function missingPackages(packages: readonly string[], signal: AbortSignal): Promise<string[]> {
  let text: string;
  try {
    const query = ['-W', '-f', '${Package} ${db:Status-Status}\n', ...packages];
    // Exit code 1 says that some are not known, the others are listed all the same.
    ({ stdout: text } = await runCommand('dpkg-query', query, { signal, acceptExitCodes: [0, 1] }));
  } catch (cause) {
    throw packagesMissing(packages, 'this machine has no dpkg', cause);
  }
  const installed = new Set(text.split('\n').map((line) => line.replace(/ installed$/, '')));
  return packages.filter((name) => !installed.has(name));
}

async function aptGet(
  args: readonly string[],
  missing: readonly string[],
  note: (detail: string) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    await runCommand('apt-get', ['--quiet', '--option=DPkg::Lock::Timeout=300', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      timeoutMs: APT_TIMEOUT_MS,
      signal,
      onStderrLine: note,
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw packagesMissing(missing, cause instanceof CommandError ? cause.why : messageOf(cause), cause);
  }
}

function packagesMissing(packages: readonly string[], why: string, cause: unknown): TestbedError {
  return new TestbedError(
    'MissingPrerequisite',
    {
      attempted: `install Debian packages ${packages.join(' ')}`,
      where: 'this machine',
      why,
      next: 'install them (or what has their programs) yourself, then run the same command again',
    },
    { cause },
  );
}
