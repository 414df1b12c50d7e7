import { messageOf } from '#pkg/runtime';
import type { Impersonation } from './credentials.ts';
import { KubeError } from './errors.ts';

export interface KubeconfigCluster {
  readonly server: string;
  readonly caData: string | undefined;
  readonly caFile: string | undefined;
  readonly tlsServerName: string | undefined;
  readonly insecureSkipTlsVerify: boolean;
  readonly proxyUrl: string | undefined;
}

export interface KubeconfigUser {
  readonly certData: string | undefined;
  readonly certFile: string | undefined;
  readonly keyData: string | undefined;
  readonly keyFile: string | undefined;
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly usesPassword: boolean;
  /** `exec` or `auth-provider`, as written. */
  readonly plugin: PluginSection | undefined;
  readonly impersonate: Impersonation | undefined;
}

/** The parts of a user that name a credential plugin, in the file's own words. */
export interface PluginSection {
  readonly exec?: Record<string, unknown>;
  readonly 'auth-provider'?: Record<string, unknown>;
}

export interface KubeconfigContext {
  readonly cluster: string;
  readonly user: string;
}

/** One file, with the fields that we use under names of ours. */
export interface KubeconfigFile {
  /** Empty where the file names none. */
  readonly currentContext: string;
  readonly clusters: { readonly name: string; readonly value: KubeconfigCluster }[];
  readonly users: { readonly name: string; readonly value: KubeconfigUser }[];
  readonly contexts: { readonly name: string; readonly value: KubeconfigContext }[];
}

type Section = Record<string, unknown>;

/** @throws KubeError `BadKubeconfig` where the text is no YAML mapping or a part has another type than it must */
export async function parseKubeconfig(text: string, path: string): Promise<KubeconfigFile> {
  const { parse } = (await import('yaml')).default; // CommonJS: named exports are lost in a bundle
  let document: unknown;
  try {
    document = parse(text);
  } catch (cause) {
    throw bad(path, messageOf(cause), cause);
  }
  if (!isSection(document)) throw bad(path, 'it is not a kubeconfig');
  const root = document;

  function entries<T>(list: string, key: string, read: (section: Section) => T): { name: string; value: T }[] {
    const found = root[list];
    if (found === undefined || found === null) return [];
    if (!Array.isArray(found)) throw bad(path, `"${list}" is not a list`);
    return found.map((entry: unknown) => {
      if (!isSection(entry)) throw bad(path, `an entry of "${list}" is not a mapping`);
      const value = entry[key];
      return { name: textOf(entry, 'name') ?? '', value: read(isSection(value) ? value : {}) };
    });
  }

  return {
    currentContext: textOf(root, 'current-context') ?? '',
    clusters: entries('clusters', 'cluster', (section) => ({
      server: textOf(section, 'server') ?? '',
      caData: textOf(section, 'certificate-authority-data'),
      caFile: textOf(section, 'certificate-authority'),
      tlsServerName: textOf(section, 'tls-server-name'),
      insecureSkipTlsVerify: section['insecure-skip-tls-verify'] === true,
      proxyUrl: textOf(section, 'proxy-url'),
    })),
    users: entries('users', 'user', (section) => ({
      certData: textOf(section, 'client-certificate-data'),
      certFile: textOf(section, 'client-certificate'),
      keyData: textOf(section, 'client-key-data'),
      keyFile: textOf(section, 'client-key'),
      token: textOf(section, 'token'),
      tokenFile: textOf(section, 'tokenFile'),
      usesPassword: textOf(section, 'username') !== undefined,
      plugin: pluginOf(section),
      impersonate: impersonationOf(section),
    })),
    contexts: entries('contexts', 'context', (section) => ({
      cluster: textOf(section, 'cluster') ?? '',
      user: textOf(section, 'user') ?? '',
    })),
  };
}

function pluginOf(section: Section): PluginSection | undefined {
  const { exec, 'auth-provider': provider } = section;
  if (isSection(exec)) return { exec };
  return isSection(provider) ? { 'auth-provider': provider } : undefined;
}

function impersonationOf(section: Section): Impersonation | undefined {
  const user = textOf(section, 'as');
  if (user === undefined) return undefined;
  const uid = textOf(section, 'as-uid');
  const groups = section['as-groups'];
  const extra = section['as-user-extra'];
  return {
    user,
    ...(uid !== undefined && { uid }),
    ...(Array.isArray(groups) && { groups: groups.map(String) }),
    ...(isSection(extra) && {
      extra: Object.fromEntries(
        Object.entries(extra).map(([key, values]) => [key, Array.isArray(values) ? values.map(String) : []]),
      ),
    }),
  };
}

/** Text of a field; empty counts as absent, as kubectl writes empty fields. A YAML number (a token of digits) is text. */
function textOf(section: Section, name: string): string | undefined {
  const value = section[name];
  if (typeof value === 'string') return value === '' ? undefined : value;
  return typeof value === 'number' ? String(value) : undefined;
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(where: string, why: string, cause?: unknown): KubeError {
  return new KubeError('BadKubeconfig', { attempted: 'read the kubeconfig', where, why }, { cause });
}
