import type { KubeClient } from './client-interface.ts';
import { isNotFound } from './errors.ts';
import type { Ref } from './object.ts';
import { NODE, SERVICE } from './resources.ts';
import type { Node, Service } from './types.ts';

/** One would do; more than eight nodes add length to whatever holds the list, and no safety. */
const MAX_ADDRESSES = 8;

/**
 * Where the first port of a Service can be dialled from outside the cluster: addresses of its load balancer, else its node
 * port on the nodes (external addresses before internal ones; nodes that are not Ready, and virtual ones, are left out).
 * @param nodes all of the cluster, where the caller has them; else they are asked for
 * @returns `host:port`; empty where the Service is not there or has neither
 */
export async function outsideAddresses(
  client: KubeClient,
  ref: Ref,
  signal: AbortSignal,
  nodes?: readonly Node[],
): Promise<string[]> {
  const service = await client.get<Service>(SERVICE, ref, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (service === undefined) return [];
  const balanced = balancerAddresses(service);
  if (balanced.length > 0) return balanced;
  if (service.spec?.ports?.[0]?.nodePort === undefined) return [];
  const all = nodes ?? (await client.list<Node>(NODE, { labelSelector: 'type!=virtual-kubelet' }, { signal })).items;
  return nodePortAddresses(
    service,
    all.filter(({ metadata }) => metadata.labels?.['type'] !== 'virtual-kubelet'),
  );
}

function balancerAddresses(service: Service): string[] {
  const port = service.spec?.ports?.[0]?.port;
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  return ingress.flatMap(({ ip, hostname }) => {
    const host = ip ?? hostname;
    return host === undefined || port === undefined ? [] : [hostPort(host, port)];
  });
}

/** Sorted by name, so that the same cluster says the same from hour to hour. */
export function nodePortAddresses(service: Service, nodes: readonly Node[]): string[] {
  const port = service.spec?.ports?.[0]?.nodePort;
  if (port === undefined) return [];
  const ready = nodes
    .filter((node) => node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
    .toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name));
  const of = (kind: string) =>
    ready.flatMap((node) =>
      (node.status?.addresses ?? []).filter(({ type }) => type === kind).map(({ address }) => hostPort(address, port)),
    );
  return [...new Set([...of('ExternalIP'), ...of('InternalIP')])].slice(0, MAX_ADDRESSES);
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
