import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SYSTEM_NAMESPACE } from '#pkg/api';
import { CommandError, runCommand } from '#pkg/runtime';
import { CliError } from '../../errors.ts';
import type { CommonFlags } from '../../session.ts';

/** Name of the one release; the chart fixes the namespace. */
export const RELEASE = 'tombolo';

/** Everything that Helm does here is local or a handful of requests; the session's own time-out comes first in practice. */
const HELM_MS = 240_000;

export interface ReleaseState {
  /** `deployed`, `failed`, `pending-install`, … */
  readonly status: string;
  readonly revision: number;
  readonly updatedAt: Date;
  readonly appVersion: string;
}

/** Helm, bound to one cluster. Every call is one run of the program. */
export interface Helm {
  /** The release as Helm knows it; `undefined` where there is none. */
  state(): Promise<ReleaseState | undefined>;
  /** Values that were given at the last installation. */
  values(): Promise<Record<string, unknown>>;
  /** What is installed, as text. */
  manifest(): Promise<string>;
  /** What `upgrade` with these values would install. */
  render(values: readonly string[], kubeVersion: string): Promise<string>;
  upgrade(values: readonly string[]): Promise<void>;
  uninstall(): Promise<void>;
}

/**
 * Helm by $TOMBOLO_HELM or the PATH, talking to the cluster of the flags.
 * @param chart its folder
 * @throws CliError `HelmMissing`; later calls `HelmFailed`, with what Helm said
 */
export async function findHelm(
  flags: CommonFlags,
  env: NodeJS.ProcessEnv,
  chart: string,
  signal: AbortSignal,
): Promise<Helm> {
  const program = env['TOMBOLO_HELM'] ?? 'helm';
  const target = [
    `--namespace=${SYSTEM_NAMESPACE}`,
    ...(flags.kubeconfig === undefined ? [] : [`--kubeconfig=${flags.kubeconfig}`]),
    ...(flags.context === undefined ? [] : [`--kube-context=${flags.context}`]),
  ];
  const helm = async (...args: string[]): Promise<string> => {
    try {
      return (await runCommand(program, args, { signal, timeoutMs: HELM_MS, env })).stdout;
    } catch (cause) {
      throw helmError(program, args, cause);
    }
  };
  await helm('version', '--short');
  return {
    async state() {
      const listed = JSON.parse(
        await helm('list', ...target, '--all', '--filter', `^${RELEASE}$`, '--output=json'),
      ) as {
        status: string;
        revision: string;
        updated: string;
        app_version: string;
      }[];
      const release = listed[0];
      if (release === undefined) return undefined;
      const { status, revision, updated, app_version: appVersion } = release;
      return { status, revision: Number(revision), updatedAt: helmTime(updated), appVersion };
    },
    async values() {
      return (JSON.parse(await helm('get', 'values', RELEASE, ...target, '--output=json')) ?? {}) as Record<
        string,
        unknown
      >;
    },
    manifest: () => helm('get', 'manifest', RELEASE, ...target),
    // Against the server: the chart looks up what the cluster has, and must see the same here as when it is installed.
    render: (values, kubeVersion) =>
      helm('template', RELEASE, chart, ...target, '--dry-run=server', `--kube-version=${kubeVersion}`, ...values),
    async upgrade(values) {
      const how = ['--install', '--create-namespace', '--skip-crds', '--reset-values'];
      await helm('upgrade', RELEASE, chart, ...target, ...how, ...values);
    },
    async uninstall() {
      await helm('uninstall', RELEASE, ...target, '--ignore-not-found', '--wait');
    },
  };
}

function helmError(program: string, args: readonly string[], cause: unknown): unknown {
  if (!(cause instanceof CommandError)) return cause;
  const where = `${program} ${args[0] ?? ''}`.trim();
  if (cause.failure === 'notFound' || cause.failure === 'notStarted') {
    return new CliError('HelmMissing', { attempted: 'run Helm', where: program, why: 'it does not start' }, { cause });
  }
  const said = cause.stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('WARNING:'));
  const why = said.length > 0 ? said.join(' ').replace(/^Error: /, '') : cause.message;
  return new CliError('HelmFailed', { attempted: 'run Helm', where, why }, { cause });
}

/** `2025-11-24 14:08:00.123456789 +0000 UTC`, as Go prints times; one that cannot be read counts as long ago. */
function helmTime(text: string): Date {
  const [, day, time, zone] = /^(\S+) (\d\d:\d\d:\d\d)\S* ([+-]\d{4})/.exec(text) ?? [];
  const at = new Date(`${day}T${time}${zone}`);
  return Number.isNaN(at.getTime()) ? new Date(0) : at;
}

/** A file of values for one call of Helm; removed when disposed. */
export async function valuesFile(
  values: Record<string, unknown>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'tombolo-'));
  const path = join(folder, 'values.json');
  await writeFile(path, JSON.stringify(values), { mode: 0o600 });
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
