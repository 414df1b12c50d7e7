import { SYSTEM_NAMESPACE } from '#pkg/api';
import { CONFIG_MAP, type ConfigMap, ENDPOINT_SLICE, type EndpointSlice, type KubeClient } from '#pkg/kube';
import type { ProviderOptions } from './options.ts';

export interface AnnouncedApi {
  /** `https://host:port` in the order to try; empty: relay only. */
  readonly servers: string[];
  readonly caPem: string;
}

/** More API servers than three masters and a spare need no naming: any one of them will do. */
const MAX_SERVERS = 4;

/**
 * Where consumers find our API server: the configured address, else what the `kubernetes` Service in `default` stands
 * for (an address of the network, not of the Service). A kubeconfig's server is never used: it may mean only its own
 * machine (kubernetes-facts.md 22).
 */
export async function announcedApi(
  client: KubeClient,
  options: ProviderOptions,
  signal: AbortSignal,
): Promise<AnnouncedApi> {
  const [servers, caPem] = await Promise.all([
    serversOf(client, options, signal),
    options.apiServerCaPem ?? clusterCa(client, signal),
  ]);
  return { servers, caPem };
}

async function serversOf(client: KubeClient, options: ProviderOptions, signal: AbortSignal): Promise<string[]> {
  if (options.apiServer !== undefined) return [options.apiServer];
  if (options.announceApiServer === false) return [];
  const labelSelector = 'kubernetes.io/service-name=kubernetes';
  const { items } = await client.list<EndpointSlice>(
    ENDPOINT_SLICE,
    { namespace: 'default', labelSelector },
    { signal },
  );
  return serversOfSlices(items);
}

/** `https://` addresses of all ready endpoints, IPv4 first, at most four. */
export function serversOfSlices(slices: readonly EndpointSlice[]): string[] {
  const sorted = slices.toSorted((a, b) => (a.addressType ?? '').localeCompare(b.addressType ?? ''));
  const servers = sorted.flatMap((slice) => {
    const port = slice.ports?.find((entry) => entry.name === 'https') ?? slice.ports?.[0];
    const ready = (slice.endpoints ?? []).filter((endpoint) => endpoint.conditions?.ready !== false);
    const hosts = ready.flatMap((endpoint) => endpoint.addresses ?? []);
    return hosts.map((host) => `https://${host.includes(':') ? `[${host}]` : host}:${port?.port ?? 443}`);
  });
  return [...new Set(servers)].slice(0, MAX_SERVERS);
}

/** The controller manager publishes it in every namespace; ours has it before our first pod runs. */
async function clusterCa(client: KubeClient, signal: AbortSignal): Promise<string> {
  const ref = { namespace: SYSTEM_NAMESPACE, name: 'kube-root-ca.crt' };
  const map = await client.get<ConfigMap>(CONFIG_MAP, ref, { signal });
  return map.data?.['ca.crt'] ?? '';
}
