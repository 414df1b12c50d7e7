import { NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import { CONFIG_MAP, type ConfigMap, type KubeClient } from '#pkg/kube';
import { PeeringError } from '../errors.ts';
import { type Fingerprint, parseFingerprint } from '../identity/fingerprint.ts';
import { unlessNotFound } from '../not-found.ts';

/** What a cluster says of itself in ConfigMap `tombolo-cluster`; the command line reads it. */
export interface ClusterInfo {
  readonly clusterName: string;
  readonly fingerprint: Fingerprint;
  /** `host:port` of the peering endpoint. */
  readonly addresses: readonly string[];
  readonly version: string;
  /** `https://host:port` that is announced to consumers; empty where only the relay is. */
  readonly apiServer: string;
}

const REF = { namespace: SYSTEM_NAMESPACE, name: NAME.clusterConfigMap };
const WHERE = `ConfigMap ${SYSTEM_NAMESPACE}/${NAME.clusterConfigMap}`;

/**
 * @param cluster how to call that cluster in an error
 * @throws PeeringError `NotInstalled` where there is none, or no controller has filled it yet
 */
export async function readClusterInfo(client: KubeClient, cluster: string, signal?: AbortSignal): Promise<ClusterInfo> {
  const map = await client
    .get<ConfigMap>(CONFIG_MAP, REF, signal === undefined ? {} : { signal })
    .catch(unlessNotFound);
  const facts = { attempted: `read what ${cluster} says of itself`, where: WHERE };
  if (map === undefined) throw new PeeringError('NotInstalled', { ...facts, why: 'it does not exist' });
  const info = clusterInfoOf(map);
  if (info !== undefined) return info;
  const why = 'no controller of tombolo has filled it yet';
  throw new PeeringError('NotInstalled', {
    ...facts,
    why,
    next: 'see that the pods in tombolo-system run, and try again',
  });
}

/** `undefined` where a part is missing. */
export function clusterInfoOf(map: ConfigMap | undefined): ClusterInfo | undefined {
  const {
    clusterName,
    fingerprint,
    addresses,
    version = '',
    apiServer = '',
  } = (map?.data ?? {}) as Partial<Record<string, string>>;
  const parsed = parseFingerprint(fingerprint);
  if (clusterName === undefined || clusterName === '' || parsed === undefined) return undefined;
  return { clusterName, fingerprint: parsed, addresses: parseAddresses(addresses), version, apiServer };
}

function parseAddresses(json: string | undefined): string[] {
  try {
    const parsed: unknown = JSON.parse(json ?? '[]');
    return Array.isArray(parsed) ? parsed.filter((entry) => typeof entry === 'string') : [];
  } catch {
    return []; // edited by hand; the controller writes it anew within a minute
  }
}

/** Writes all fields but `clusterName`, which is the chart's. No write where nothing changed. */
export async function writeClusterInfo(
  client: KubeClient,
  info: Omit<ClusterInfo, 'clusterName'>,
  signal: AbortSignal,
): Promise<void> {
  const data = {
    fingerprint: info.fingerprint,
    addresses: JSON.stringify(info.addresses),
    version: info.version,
    apiServer: info.apiServer,
  };
  const stored = await client.get<ConfigMap>(CONFIG_MAP, REF, { signal }).catch(unlessNotFound);
  if (stored !== undefined && Object.entries(data).every(([key, value]) => stored.data?.[key] === value)) return;
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...REF }, data };
  await client.apply<ConfigMap>(CONFIG_MAP, body, { fieldManager: 'tombolo-peering', force: true, signal });
}
