/** The only file that knows @kubernetes/client-node: it costs 320 ms and 85 MiB, and few kubeconfigs need it. */
import { resolve } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { CredentialPlugin, PluginCredentials } from './credentials.ts';
import type { PluginSection } from './kubeconfig-file.ts';

export interface PluginOptions {
  readonly user: PluginSection;
  readonly server: string;
  readonly caPem: string | undefined;
  /** Folder of the kubeconfig: a command with a slash in it is relative to that. */
  readonly folder: string;
}

/**
 * Credentials by exec plugin or auth provider. One KubeConfig with a single context for each plugin: client-node caches
 * by user name, which would mix clusters (T24).
 */
export function credentialPlugin(options: PluginOptions): CredentialPlugin {
  let config: Promise<KubeConfig> | undefined;
  return {
    async obtain(signal) {
      config ??= load(options);
      const kubeconfig = await config;
      signal.throwIfAborted();
      const request: Parameters<KubeConfig['applyToHTTPSOptions']>[0] = { headers: {} };
      await kubeconfig.applyToHTTPSOptions(request);
      return fromHttpsOptions(request as Applied);
    },
    forget() {
      // A new KubeConfig has an empty cache. A token without expiry would be given out again for ever otherwise.
      config = undefined;
    },
  };
}

/** What client-node fills in. */
interface Applied {
  readonly headers?: Record<string, unknown>;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

function fromHttpsOptions({ headers = {}, cert, key }: Applied): PluginCredentials {
  return {
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)])),
    ...(cert !== undefined && key !== undefined && { clientCert: { certPem: String(cert), keyPem: String(key) } }),
  };
}

async function load(options: PluginOptions): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromString(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'only',
      contexts: [{ name: 'only', context: { cluster: 'only', user: 'only' } }],
      clusters: [{ name: 'only', cluster: { server: options.server, ...caOf(options) } }],
      users: [{ name: 'only', user: withExecInfo(options) }],
    }),
  );
  return config;
}

function caOf({ caPem }: PluginOptions): Record<string, string> {
  return caPem === undefined ? {} : { 'certificate-authority-data': Buffer.from(caPem).toString('base64') };
}

/** Plugins built on client-go refuse to run without KUBERNETES_EXEC_INFO, which client-node does not set. */
function withExecInfo(options: PluginOptions): object {
  const { exec } = options.user;
  if (exec === undefined) return options.user;
  const info = {
    apiVersion: exec['apiVersion'] ?? 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: {
      interactive: false,
      ...(exec['provideClusterInfo'] === true && { cluster: { server: options.server, ...caOf(options) } }),
    },
  };
  const env = Array.isArray(exec['env']) ? exec['env'] : [];
  const command = String(exec['command'] ?? '');
  return {
    exec: {
      ...exec,
      command: command.includes('/') ? resolve(options.folder, command) : command,
      env: [...env, { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }],
    },
  };
}
