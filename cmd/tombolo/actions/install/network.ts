import { parse } from 'yaml';
import { contains, firstFree, formatCidr, overlaps, parseAddress, parseCidr, rangeOf } from '#network/cidr';
import { type OwnRanges, ownRangesProblem } from '#network/ipam';
import { MAX_RANGES } from '#pkg/api';
import { type Cluster, CONFIG_MAP, isNotFound, type KubeObject, NODE, type Node, POD, type Pod } from '#pkg/kube';
import { CliError } from '../../errors.ts';
import type { Values } from './values.ts';

/** The part of the chart's values that is about address ranges. */
export type NetworkValues = OwnRanges;

/** Where our own range for addresses that are no pods is looked for, and its size: 4,096 nodes. */
const ANCHOR_POOLS = ['10.252.0.0/14', '172.30.0.0/15', '192.168.0.0/16', '100.64.0.0/10'];
const ANCHOR_LENGTH = 20;

/** What a cluster says of its own addresses, as far as it does. */
interface Found {
  readonly podRanges: readonly string[];
  readonly serviceRanges: readonly string[];
  readonly nodeRanges: readonly string[];
}

/**
 * Address ranges for the chart: what was given now or before, and for the rest what the cluster tells. Ranges that cannot be
 * right are refused.
 * @param values of the chart, given now or at an earlier installation
 * @returns what to add, and what could not be told, as a sentence for people
 * @throws CliError `RangesOverlap`; `PodsOutsideRanges` where pods that run have addresses which no pod range holds
 */
export async function networkValues(
  cluster: Cluster,
  values: Values,
  signal: AbortSignal,
): Promise<{ network: NetworkValues; note?: string }> {
  const given = (values['network'] ?? {}) as NetworkValues;
  const { items: nodes } = await cluster.client.list(NODE, {}, { signal });
  const real = nodes.filter(({ metadata }) => metadata.labels?.['type'] !== 'virtual-kubelet');
  const found = await findRanges(cluster, real, signal);
  const choose = (key: keyof Found) => ((given[key]?.length ?? 0) > 0 ? (given[key] ?? []) : found[key]);
  const podRanges = choose('podRanges');
  if (podRanges.length === 0 || podRanges.length > MAX_RANGES) {
    const why =
      podRanges.length === 0 ? 'neither kubeadm nor the nodes say it' : `there are ${podRanges.length} ranges`;
    return { network: given, note: `peers are told no addresses of pods, because ${why}: give --pod-range` };
  }
  const ranges = { podRanges, serviceRanges: choose('serviceRanges'), nodeRanges: choose('nodeRanges') };
  refuseWrong(ranges, cluster);
  const network = { ...given, ...ranges, anchorRange: given.anchorRange || anchorBeside(ranges) };
  refuseWrong(network, cluster);
  await refuseOutside(cluster, podRanges, new Set(real.map(({ metadata }) => metadata.name)), signal);
  return { network };
}

/** So many pods tell enough, and are one page of a list. */
const PODS_LOOKED_AT = 500;

/**
 * Packets of a pod outside the pod ranges would never come back. Of a family without a range nothing is claimed, and pods of
 * virtual nodes have the address under which the provider's is reached here.
 */
async function refuseOutside(
  cluster: Cluster,
  podRanges: readonly string[],
  realNodes: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  const options = { fieldSelector: 'status.phase=Running', limit: PODS_LOOKED_AT };
  const { items } = await cluster.client.list(POD, options, { signal });
  const why = podOutside(
    items.filter(({ spec }) => realNodes.has(spec?.nodeName ?? '')),
    podRanges,
  );
  if (why === undefined) return;
  const where = `cluster ${cluster.name}`;
  throw new CliError('PodsOutsideRanges', { attempted: 'check the address ranges of this cluster', where, why });
}

/** @returns a sentence about the first of the pods that has an address outside, undefined where none has */
export function podOutside(pods: readonly Pod[], podRanges: readonly string[]): string | undefined {
  const ranges = podRanges.map(parseCidr);
  const isOutside = (text: string): boolean => {
    const address = parseAddress(text);
    const ofFamily = ranges.filter(({ family }) => family === address.family);
    return ofFamily.length > 0 && !ofFamily.some((range) => contains(range, address));
  };
  for (const { metadata, spec, status } of pods) {
    if (spec?.hostNetwork === true) continue;
    const outside = status?.podIPs?.find(({ ip }) => ip !== undefined && isOutside(ip))?.ip;
    if (outside === undefined) continue;
    return `pod ${metadata.namespace}/${metadata.name} has the address ${outside}, which is in no pod range (${podRanges.join(', ')})`;
  }
  return undefined;
}

function refuseWrong(network: NetworkValues, cluster: Cluster): void {
  const why = ownRangesProblem(network);
  if (why === undefined) return;
  const where = `cluster ${cluster.name}`;
  throw new CliError('RangesOverlap', { attempted: 'check the address ranges of this cluster', where, why });
}

/** A range beside those of the cluster. Peers that have taken the same one see it under an alias, as any range. */
function anchorBeside(ranges: Found): string {
  const taken = Object.values(ranges).flat().map(parseCidr);
  for (const pool of ANCHOR_POOLS) {
    const free = firstFree(parseCidr(pool), ANCHOR_LENGTH, taken);
    if (free !== undefined) return formatCidr(free);
  }
  throw new CliError('RangesOverlap', {
    attempted: `choose a /${ANCHOR_LENGTH} for addresses of nodes and gateway`,
    where: ANCHOR_POOLS.join(', '),
    why: 'this cluster uses all of it',
    next: 'give --anchor-range',
  });
}

async function findRanges(cluster: Cluster, real: readonly Node[], signal: AbortSignal): Promise<Found> {
  const [kubeadm, services] = await Promise.all([kubeadmNetwork(cluster, signal), serviceRanges(cluster, signal)]);
  const perNode = real.flatMap(({ spec }) => spec?.podCIDRs ?? []);
  const addresses = real.flatMap(({ status }) =>
    (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address),
  );
  return {
    podRanges: kubeadm.podRanges.length > 0 ? kubeadm.podRanges : perNode,
    serviceRanges: services.length > 0 ? services : kubeadm.serviceRanges,
    nodeRanges: networksOf(addresses),
  };
}

/** The networks that nodes are in: nobody says how large they are, so what is usual is taken (/24, /64). */
function networksOf(addresses: readonly string[]): string[] {
  const networks = addresses.map((text) => {
    const address = parseAddress(text);
    return formatCidr(rangeOf(address, address.family === 4 ? 24 : 64));
  });
  return [...new Set(networks)].slice(0, MAX_RANGES);
}

/** What kubeadm wrote down when it made the cluster; nothing where another tool made it. */
async function kubeadmNetwork(
  cluster: Cluster,
  signal: AbortSignal,
): Promise<{ podRanges: string[]; serviceRanges: string[] }> {
  const nothing = { podRanges: [], serviceRanges: [] };
  try {
    const stored = await cluster.client.get(
      CONFIG_MAP,
      { namespace: 'kube-system', name: 'kubeadm-config' },
      { signal },
    );
    const text = (stored as KubeObject & { data?: Record<string, string> }).data?.['ClusterConfiguration'] ?? '';
    const { networking } = (parse(text) ?? {}) as { networking?: { podSubnet?: string; serviceSubnet?: string } };
    return { podRanges: list(networking?.podSubnet), serviceRanges: list(networking?.serviceSubnet) };
  } catch (error) {
    if (isNotFound(error)) return nothing;
    throw error;
  }
}

function list(text: string | undefined): string[] {
  return (text ?? '').split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
}

/** ServiceCIDR objects: Kubernetes 1.33 and newer. */
async function serviceRanges(cluster: Cluster, signal: AbortSignal): Promise<string[]> {
  const resource = {
    group: 'networking.k8s.io',
    version: 'v1',
    plural: 'servicecidrs',
    kind: 'ServiceCIDR',
    namespaced: false,
  } as const;
  try {
    const { items } = await cluster.client.list<KubeObject & { spec?: { cidrs?: string[] } }>(resource, {}, { signal });
    return items.flatMap(({ spec }) => spec?.cidrs ?? []).filter((range, at, all) => isFirst(range, at, all));
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

function isFirst(range: string, at: number, all: readonly string[]): boolean {
  return all.findIndex((other) => overlaps(parseCidr(other), parseCidr(range))) === at;
}
