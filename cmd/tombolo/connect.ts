import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Cluster, connectCluster, KubeError, loadKubeconfig } from '#pkg/kube';
import { CliError } from './errors.ts';
import { noSuchName } from './near.ts';

/** Longest that one attempt to reach an API server may take, so that the sentence comes within 10 s (CLI-09). */
const CONNECT_MS = 8_000;

export interface Target {
  /** For messages: `this cluster`, `the remote cluster`. */
  readonly what: string;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/**
 * Connects to the cluster of a kubeconfig, and asks it for its version so that whatever is wrong is said now.
 * @throws CliError `NoKubeconfig`, `UnknownContext`, `ApiUnreachable`, `CredentialRefused`
 */
export async function connect(target: Target, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Cluster> {
  await checkKubeconfig(target, env);
  const config = await loadKubeconfig(target.kubeconfig, target.context);
  const cluster = connectCluster(config, {});
  try {
    await cluster.client.version({ signal: AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]) });
    return cluster;
  } catch (cause) {
    await cluster[Symbol.asyncDispose]();
    signal.throwIfAborted();
    throw connectError(target, config.server, cause);
  }
}

function connectError(target: Target, server: string, cause: unknown): CliError {
  const facts = { attempted: `reach ${target.what}`, where: `${withPort(server)} (TCP)` };
  if (cause instanceof KubeError && (cause.isUnauthorized || cause.isForbidden)) {
    return new CliError('CredentialRefused', { ...facts, why: cause.why }, { cause });
  }
  const isLate = cause instanceof Error && cause.name === 'TimeoutError';
  const known = cause instanceof KubeError ? cause.why : cause instanceof Error ? cause.message : String(cause);
  return new CliError(
    'ApiUnreachable',
    { ...facts, why: isLate ? `no answer within ${CONNECT_MS / 1000} s` : known },
    { cause },
  );
}

/** `https://host` → `https://host:443`: the port is part of where. */
function withPort(server: string): string {
  const url = new URL(server);
  return url.port === '' ? `${url.protocol}//${url.hostname}:443` : `${url.protocol}//${url.host}`;
}

/** Says what is wrong with files and context before the client would, since it can offer the names that are there. */
async function checkKubeconfig(target: Target, env: NodeJS.ProcessEnv): Promise<void> {
  const files = kubeconfigFiles(target.kubeconfig, env);
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => undefined)));
  const where = files.join(delimiter);
  const attempted = `find ${target.what}`;
  if (texts.every((text) => text === undefined)) {
    const why = files.length === 1 ? 'there is no such file, or it cannot be read' : 'none of these files can be read';
    throw new CliError('NoKubeconfig', { attempted, where, why });
  }
  if (target.context === undefined) return;
  const contexts = await contextNames(texts.filter((text) => text !== undefined));
  if (contexts.includes(target.context)) return;
  const why = noSuchName(target.context, contexts);
  throw new CliError('UnknownContext', { attempted, where: `context "${target.context}" in ${where}`, why });
}

/** The files that hold the configuration: the flag, $KUBECONFIG (several, as in PATH), or the file of the home folder. */
function kubeconfigFiles(flag: string | undefined, env: NodeJS.ProcessEnv): string[] {
  if (flag !== undefined) return [flag];
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  return listed.length > 0 ? listed : [join(env['HOME'] ?? homedir(), '.kube', 'config')];
}

async function contextNames(texts: readonly string[]): Promise<string[]> {
  const { parse } = await import('yaml');
  return texts.flatMap((text) => {
    try {
      const parsed: { contexts?: { name?: string }[] } | null = parse(text);
      return (parsed?.contexts ?? []).flatMap(({ name }) => (name === undefined ? [] : [name]));
    } catch {
      return []; // not YAML: `loadKubeconfig` says which line is wrong
    }
  });
}
