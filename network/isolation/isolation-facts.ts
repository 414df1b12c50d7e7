import { type Cidr, formatAddress, readCidr } from '#network/cidr';
import { isReal } from '#network/cluster';
import { formatAlias, readAliases } from '#network/ipam';
import type { IsolationMembers, IsolationState, OpenPort } from '#network/nat';
import { companionsOf } from '#network/transit';
import { ANNOTATION, type ClusterNetwork, LABEL, type Peer } from '#pkg/api';
import type { EndpointSlice, KubeObject, Lease, Node, Pod } from '#pkg/kube';
import { type Offer, openPorts } from './offered-services.ts';
import { TUNNEL_ADDRESSES } from './trim.ts';

/** RFC 3927: where node-local caches of cluster DNS listen. */
const LINK_LOCAL = '169.254.0.0/16';

export interface IsolationFacts {
  readonly network: ClusterNetwork;
  /** All nodes, trimmed by `trimNodeToAddresses`. */
  readonly nodes: readonly Node[];
  readonly peers: readonly Peer[];
  /** Namespaces with the origin label, which tenants cannot write. */
  readonly namespaces: readonly KubeObject[];
  /** Pods of twins in the whole cluster, and all of this node; trimmed by `trimToAddresses`. One may be in both. */
  readonly pods: readonly Pod[];
  readonly offer: Offer;
  /** Slices of kube-system, and those of the API server. */
  readonly systemSlices: readonly EndpointSlice[];
  /** Where the gateway is that forwards. */
  readonly gatewayLease: Lease | undefined;
  readonly nodeName: string;
}

/** What changes seldom: ranges and tenants. Pure; equal facts give an equal state. */
export function isolationState(
  { network, peers, namespaces }: Pick<IsolationFacts, 'network' | 'peers' | 'namespaces'>,
  overlayDevice: string,
): IsolationState {
  const { podRanges, nodeRanges = [], serviceRanges = [], anchorRange } = network.spec;
  const aliases = new Map(
    peers.map(({ metadata, status }) => {
      const ranges = readAliases(status?.network?.aliases ?? []).map((pair) => formatAlias(pair).alias);
      return [metadata.name, ranges.toSorted()] as const;
    }),
  );
  const companions = companionsOf(peers);
  const names = new Set(ownersOf(namespaces).values());
  return {
    overlayDevice,
    inside: [...new Set([...podRanges, anchorRange, ...[...aliases.values()].flat()])].toSorted(),
    nodeRanges: nodeRanges.toSorted(),
    localNames: [LINK_LOCAL, ...serviceRanges],
    // Also where other pods of that consumer are reached directly (NET-18).
    tenants: [...names].toSorted().map((name) => {
      const places = [name, ...(companions.get(name) ?? [])];
      return { name, home: [...new Set(places.flatMap((place) => aliases.get(place) ?? []))].toSorted() };
    }),
  };
}

/** What comes and goes. Pure; linear in pods. A pod on the network of its host has the addresses of a node. */
export function isolationMembers(facts: IsolationFacts): IsolationMembers {
  const { nodes, namespaces, offer, systemSlices, gatewayLease, nodeName } = facts;
  const owners = ownersOf(namespaces);
  const ownerOf = ({ metadata }: Pod) => owners.get(metadata.namespace ?? '');
  const pods = facts.pods.filter(({ spec }) => spec?.hostNetwork !== true);
  const lent = pods.filter((pod) => ownerOf(pod) !== undefined);
  const isHere = ({ spec }: Pod) => spec?.nodeName === nodeName;
  const tenants = new Map<string, { pods: string[]; offered: readonly OpenPort[] }>();
  for (const name of new Set(owners.values())) {
    tenants.set(name, { pods: [], offered: [...offer.everybody, ...(offer.peers.get(name) ?? [])] });
  }
  for (const pod of lent) tenants.get(ownerOf(pod) ?? '')?.pods.push(...addressesOf(pod));
  const own = rangesOf(nodes.find(({ metadata }) => metadata.name === nodeName));
  const isStarting = lent.some(
    (pod) => isHere(pod) && pod.status?.phase !== 'Succeeded' && addressesOf(pod).length === 0,
  );
  return {
    tenants,
    here: lent.filter(isHere).flatMap(addressesOf),
    services: systemSlices.flatMap(portsOfSystem),
    nodes: nodes.filter(isReal).flatMap(addressesOfNode),
    gateways: [gatewayLease].flatMap((lease) => lease?.metadata.annotations?.[ANNOTATION.gatewayAddress] ?? []),
    unsettled: isStarting ? own.map(({ text }) => text) : [],
    known: isStarting
      ? [...pods.filter((pod) => isHere(pod) && ownerOf(pod) === undefined).flatMap(addressesOf), ...own.flatMap(ends)]
      : [],
  };
}

/** For whom each twin is, by name. One that was kept when its offloading ended is its admin's again (REF-12). */
export function ownersOf(namespaces: readonly KubeObject[]): Map<string, string> {
  return new Map(
    namespaces.flatMap(({ metadata: { name, labels } }) => {
      const origin = labels?.[LABEL.component] === 'retained' ? undefined : labels?.[LABEL.origin];
      return origin === undefined ? [] : [[name, origin] as const];
    }),
  );
}

function addressesOf({ status }: Pod): string[] {
  return (status?.podIPs ?? []).flatMap(({ ip }) => ip ?? []);
}

interface Range {
  readonly text: string;
  readonly cidr: Cidr;
}

function rangesOf(node: Node | undefined): Range[] {
  return (node?.spec?.podCIDRs ?? []).flatMap((text) => {
    const cidr = readCidr(text);
    return cidr === undefined ? [] : [{ text, cidr }];
  });
}

/** What CNIs give the node itself of its pods' range: the first address to a tunnel (flannel), the second to a bridge. */
function ends({ cidr: { family, first } }: Range): string[] {
  return [first, first + 1n].map((value) => formatAddress({ family, value }));
}

function addressesOfNode(node: Node): string[] {
  const { metadata, status } = node;
  const told = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP' || type === 'ExternalIP');
  return [
    ...told.map(({ address }) => address),
    ...TUNNEL_ADDRESSES.flatMap((key) => metadata.annotations?.[key] ?? []),
    ...rangesOf(node).flatMap(ends),
  ];
}

/** Cluster DNS goes by its label: installers name its Service as they like. Of its ports those for names only. */
function portsOfSystem(slice: EndpointSlice): OpenPort[] {
  const { namespace, labels = {} } = slice.metadata;
  const service = labels['kubernetes.io/service-name'];
  if (namespace === 'default') return service === 'kubernetes' ? openPorts(slice) : [];
  if (service !== 'kube-dns' && labels['k8s-app'] !== 'kube-dns') return [];
  return openPorts({ ...slice, ports: (slice.ports ?? []).filter(({ name }) => name?.startsWith('dns') === true) });
}
