import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { messageOf } from '#pkg/runtime';
import type { ClusterConfig } from './config.ts';
import type { ClientCertificate, ClusterAuth, Impersonation } from './credentials.ts';
import { causeCode, KubeError } from './errors.ts';
import {
  type KubeconfigCluster,
  type KubeconfigContext,
  type KubeconfigFile,
  type KubeconfigUser,
  parseKubeconfig,
} from './kubeconfig-file.ts';
import { proxyConnector } from './proxy.ts';

/**
 * Reads a kubeconfig as kubectl does.
 * @param path default: the files of `$KUBECONFIG` (merged, the first one that names something wins), else `~/.kube/config`
 * @param context default: `current-context`
 * @throws KubeError `BadKubeconfig` naming the file and what is wrong in it
 */
export async function loadKubeconfig(path?: string, context?: string): Promise<ClusterConfig> {
  if (path === undefined) return readKubeconfig(defaultKubeconfigPaths(process.env, homedir()), context);
  return configOf([await load(path)], path, context);
}

/** The files that kubectl reads where it is told none. */
export function defaultKubeconfigPaths(env: NodeJS.ProcessEnv, home: string): string[] {
  const paths = (env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  return paths.length > 0 ? paths : [join(home, '.kube', 'config')];
}

/** Merges files; those that do not exist are skipped, unless none does. */
export async function readKubeconfig(paths: readonly string[], context?: string): Promise<ClusterConfig> {
  const files: Loaded[] = [];
  let missing: unknown;
  for (const path of paths) {
    try {
      files.push(await load(path));
    } catch (error) {
      if (!isMissing(error)) throw error;
      missing = error;
    }
  }
  if (files.length === 0) throw missing;
  return configOf(files, paths.join(delimiter), context);
}

async function configOf(files: readonly Loaded[], where: string, context?: string): Promise<ClusterConfig> {
  const contextName = context ?? files.find((file) => file.currentContext !== '')?.currentContext;
  if (contextName === undefined) throw bad(where, 'it has no current-context');
  const chosen = find<KubeconfigContext>(files, 'contexts', contextName);
  if (chosen === undefined) throw bad(where, `it has no context "${contextName}"`);
  const cluster = find<KubeconfigCluster>(files, 'clusters', chosen.value.cluster);
  if (cluster === undefined) throw bad(where, `context "${contextName}" names no known cluster`);
  const user = find<KubeconfigUser>(files, 'users', chosen.value.user);

  const { server, tlsServerName, insecureSkipTlsVerify, proxyUrl } = cluster.value;
  if (server === '') throw bad(where, `cluster "${chosen.value.cluster}" has no server`);
  const caPem = await pem(cluster.value.caData, cluster.value.caFile, cluster.folder, where);
  return {
    name: contextName,
    server,
    auth: user === undefined ? {} : await authOf(user.value, user.folder, cluster.value, caPem, where),
    ...(caPem !== undefined && { caPem }),
    ...(tlsServerName !== undefined && { tlsServerName }),
    ...(insecureSkipTlsVerify && { insecureSkipTlsVerify }),
    ...(proxyUrl !== undefined && { connector: proxyConnector(proxyUrl) }),
  };
}

interface Loaded extends KubeconfigFile {
  /** Relative paths in a file are relative to its folder. */
  readonly folder: string;
}

async function load(path: string): Promise<Loaded> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw bad(path, messageOf(cause), cause);
  }
  return { ...(await parseKubeconfig(text, path)), folder: dirname(resolve(path)) };
}

function find<T>(files: readonly Loaded[], list: 'contexts' | 'clusters' | 'users', name: string) {
  for (const file of files) {
    const entry = (file[list] as { name: string; value: T }[]).find((candidate) => candidate.name === name);
    if (entry !== undefined) return { value: entry.value, folder: file.folder };
  }
  return undefined;
}

async function authOf(
  user: KubeconfigUser,
  folder: string,
  cluster: KubeconfigCluster,
  caPem: string | undefined,
  where: string,
): Promise<ClusterAuth> {
  if (user.usesPassword) throw bad(where, 'it has a user name and a password, which API servers no longer take');
  const certPem = await pem(user.certData, user.certFile, folder, where);
  const keyPem = await pem(user.keyData, user.keyFile, folder, where);
  if ((certPem === undefined) !== (keyPem === undefined))
    throw bad(where, 'a client certificate and its key go together');
  const clientCert: ClientCertificate | undefined =
    certPem === undefined || keyPem === undefined ? undefined : { certPem, keyPem };
  const impersonate: Impersonation | undefined = user.impersonate;
  return {
    ...(clientCert !== undefined && { clientCert }),
    ...(impersonate !== undefined && { impersonate }),
    ...(await tokenSource(user, folder, cluster, caPem)),
  };
}

/** kubectl's order: a token file wins over a token, both over a plugin. */
async function tokenSource(
  user: KubeconfigUser,
  folder: string,
  cluster: KubeconfigCluster,
  caPem: string | undefined,
): Promise<ClusterAuth> {
  if (user.tokenFile !== undefined) return { tokenFile: resolve(folder, user.tokenFile) };
  if (user.token !== undefined) return { token: user.token };
  if (user.plugin === undefined) return {};
  const { credentialPlugin } = await import('./credential-plugin.ts');
  return { plugin: credentialPlugin({ user: user.plugin, server: cluster.server, caPem, folder }) };
}

async function pem(
  data: string | undefined,
  file: string | undefined,
  folder: string,
  where: string,
): Promise<string | undefined> {
  // Data wins over a file, as in kubectl.
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
  if (file === undefined) return undefined;
  try {
    return await readFile(resolve(folder, file), 'utf8');
  } catch (cause) {
    throw bad(where, `it names a file that cannot be read: ${messageOf(cause)}`, cause);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof KubeError && error.cause instanceof Error && causeCode(error.cause) === 'ENOENT';
}

function bad(where: string, why: string, cause?: unknown): KubeError {
  return new KubeError('BadKubeconfig', { attempted: 'read the kubeconfig', where, why }, { cause });
}
