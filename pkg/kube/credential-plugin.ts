/** The only file that knows @kubernetes/client-node: it costs 320 ms and 85 MiB, and few kubeconfigs need it. */
import { resolve } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { type Clock, systemClock } from '#pkg/runtime';
import { abortable } from './abortable.ts';
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
 * client-node knows when its token expires and answers from its cache until then, but builds an agent for each question
 * and runs a plugin once for each caller that comes before the first answer. So answers are shared for this long.
 */
const SHARED_MS = 10_000;

/**
 * Credentials by exec plugin or auth provider. One KubeConfig with a single context for each plugin: client-node caches
 * by user name, which would mix clusters (T24).
 */
export function credentialPlugin(options: PluginOptions, clock: Clock = systemClock): CredentialPlugin {
  let config: Promise<KubeConfig> | undefined;
  let shared: { readonly answer: Promise<PluginCredentials>; readonly askedAt: number } | undefined;

  async function ask(): Promise<PluginCredentials> {
    config ??= load(options);
    const request: Parameters<KubeConfig['applyToHTTPSOptions']>[0] = { headers: {} };
    await (await config).applyToHTTPSOptions(request);
    return fromHttpsOptions(request as Applied);
  }

  return {
    obtain(signal) {
      if (shared === undefined || clock.now() - shared.askedAt >= SHARED_MS) {
        const answer = ask();
        const mine = { answer, askedAt: clock.now() };
        shared = mine;
        // A failure is told to those who wait, and the next caller asks again.
        answer.catch(() => {
          if (shared === mine) shared = undefined;
        });
      }
      return abortable(shared.answer, signal);
    },
    forget() {
      // A new KubeConfig has an empty cache. A token without expiry would be given out again for ever otherwise.
      config = undefined;
      shared = undefined;
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
      // Nothing is sent there: client-node only insists on an agent for it.
      clusters: [{ name: 'only', cluster: { server: 'https://nobody.invalid' } }],
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
