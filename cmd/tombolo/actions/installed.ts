import { NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import { type Cluster, CONFIG_MAP, isNotFound } from '#pkg/kube';
import { CliError } from '../errors.ts';

/** What a cluster says of itself, in ConfigMap tombolo-cluster. */
export interface ClusterInfo {
  readonly clusterName: string;
  /** SHA-256 of the identity key, lower-case hex; absent until the controller has run. */
  readonly fingerprint?: string;
  /** host:port of the peering endpoint. */
  readonly addresses: readonly string[];
  readonly version?: string;
  readonly apiServer?: string;
}

/** What the controller has written about its cluster; `undefined` where it has not, or where nothing is installed. */
export async function clusterInfo(cluster: Cluster, signal: AbortSignal): Promise<ClusterInfo | undefined> {
  const ref = { namespace: SYSTEM_NAMESPACE, name: NAME.clusterConfigMap };
  const map = await cluster.client.get(CONFIG_MAP, ref, { signal }).catch(undefinedIfAbsent);
  const data = map?.data;
  if (data?.['clusterName'] === undefined) return undefined;
  return {
    clusterName: data['clusterName'],
    addresses: addressesOf(data['addresses']),
    ...(data['fingerprint'] !== undefined && { fingerprint: data['fingerprint'] }),
    ...(data['version'] !== undefined && { version: data['version'] }),
    ...(data['apiServer'] !== undefined && data['apiServer'] !== '' && { apiServer: data['apiServer'] }),
  };
}

/**
 * The same, where a command cannot go on without it.
 * @throws CliError `NotInstalled`, or `ProcessNotStarting` where it is installed and the controller never ran
 */
export async function requireInstalled(cluster: Cluster, signal: AbortSignal): Promise<ClusterInfo> {
  const info = await clusterInfo(cluster, signal);
  if (info?.fingerprint !== undefined) return info;
  const facts = { attempted: 'find Tombolo', where: `cluster ${cluster.name} (${cluster.server})` };
  if (info === undefined) throw new CliError('NotInstalled', { ...facts, why: 'it is not installed there' });
  throw new CliError('ProcessNotStarting', {
    ...facts,
    why: 'it is installed, but its controller has not started yet',
  });
}

/** For `.catch`: an object that does not exist is `undefined`, everything else stays an error. */
export function undefinedIfAbsent(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
  return undefined;
}

function addressesOf(text: string | undefined): string[] {
  const parsed: unknown = text === undefined ? [] : JSON.parse(text);
  return Array.isArray(parsed) ? parsed.filter((address): address is string => typeof address === 'string') : [];
}
