import {
  LABEL,
  NAMESPACE_CLAIM,
  type NamespaceClaim,
  OFFLOADING,
  type Offloading,
  PEER,
  type Peer,
  VIRTUAL_NODE,
  type VirtualNode,
} from '#pkg/api';
import { type Cluster, type KubeObject, NAMESPACE, type Resource } from '#pkg/kube';
import { undefinedIfAbsent } from '../installed.ts';

/** What stands in the way of an uninstallation. */
export interface InUse {
  readonly peers: readonly Peer[];
  readonly virtualNodes: readonly VirtualNode[];
  readonly offloadings: readonly Offloading[];
  /** Twin and tenant namespaces that we lend. */
  readonly lent: readonly string[];
}

/** Reads everything that must end before Tombolo may go. Empty where it is not installed. */
export async function readInUse(cluster: Cluster, signal: AbortSignal): Promise<InUse> {
  const list = async <T extends KubeObject>(resource: Resource<T>): Promise<T[]> =>
    (await cluster.client.list(resource, {}, { signal }).catch(undefinedIfAbsent))?.items ?? [];
  const [peers, virtualNodes, offloadings, claims, namespaces] = await Promise.all([
    list<Peer>(PEER),
    list<VirtualNode>(VIRTUAL_NODE),
    list<Offloading>(OFFLOADING),
    list<NamespaceClaim>(NAMESPACE_CLAIM),
    cluster.client.list(NAMESPACE, { labelSelector: LABEL.origin }, { signal }),
  ]);
  const twins = claims.flatMap((claim) => claim.status?.twin ?? []);
  const ours = namespaces.items
    .filter((namespace) => namespace.metadata.labels?.[LABEL.retain] !== 'true')
    .map((namespace) => namespace.metadata.name);
  return { peers, virtualNodes, offloadings, lent: [...new Set([...twins, ...ours])] };
}

/** The list of what to end, and how; empty where nothing is in the way. */
export function whatToEnd({ peers, virtualNodes, offloadings, lent }: InUse): string[] {
  const peerNames = new Set(peers.map((peer) => peer.metadata.name));
  return [
    ...offloadings.map(
      ({ metadata }) => `namespace ${metadata.namespace} is offloaded: \`tombolo unoffload ${metadata.namespace}\``,
    ),
    ...peers.map(({ metadata }) => `peer ${metadata.name}: \`tombolo unpeer ${metadata.name}\``),
    ...virtualNodes
      .filter((node) => !peerNames.has(node.spec.peer))
      .map(({ metadata }) => `virtual node ${metadata.name}: \`kubectl delete virtualnode ${metadata.name}\``),
    // While the peer stands, ending it takes its namespaces along.
    ...(peers.length > 0 ? [] : lent.map((name) => `namespace ${name} is lent: \`kubectl delete namespace ${name}\``)),
  ];
}
