import { type Offer, ownersOf } from '#network/isolation';
import type { Exchange, OpenPort } from '#network/nat';
import { companionsOf } from '#network/transit';
import { LABEL, type Peer } from '#pkg/api';
import type { KubeObject, Node, Pod } from '#pkg/kube';

export interface ExchangeFacts {
  readonly pods: readonly Pod[];
  /** Twin namespaces: who they are for is said by their label, which tenants cannot write. */
  readonly namespaces: readonly KubeObject[];
  readonly nodes: readonly Node[];
  readonly peers: readonly Peer[];
  readonly offer: Offer;
}

/**
 * By peer, the pods that have to do with it: those in its twin namespaces here, and those on its virtual nodes, by the
 * address under which we see them. What runs here for a consumer is lent also to peers of ours where its other pods are:
 * directly they need not go through it (NET-18). Beside
 * pods, what this cluster offers it. Finished pods have none any more. Pure.
 */
export function exchangesOf({ pods, namespaces, nodes, peers, offer }: ExchangeFacts): Map<string, Exchange> {
  const owners = ownersOf(namespaces);
  const providers = new Map(nodes.map(({ metadata }) => [metadata.name, metadata.labels?.[LABEL.peer]]));
  const companions = companionsOf(peers);
  const result = new Map<string, { lent: string[]; ours: string[]; offered: OpenPort[] }>();
  const entryOf = (peer: string) => {
    const entry = result.get(peer) ?? { lent: [], ours: [], offered: [] };
    result.set(peer, entry);
    return entry;
  };
  const add = (peer: string | undefined, side: 'lent' | 'ours', addresses: readonly string[]) => {
    if (peer !== undefined) entryOf(peer)[side].push(...addresses);
  };
  for (const pod of pods) {
    const addresses = addressesOf(pod);
    if (addresses.length === 0) continue;
    const owner = owners.get(pod.metadata.namespace ?? '');
    add(owner, 'lent', addresses);
    for (const other of companions.get(owner ?? '') ?? []) add(other, 'lent', addresses);
    add(providers.get(pod.spec?.nodeName ?? ''), 'ours', addresses);
  }
  for (const { metadata } of peers) {
    const offered = [...offer.everybody, ...(offer.peers.get(metadata.name) ?? [])];
    if (offered.length > 0) entryOf(metadata.name).offered.push(...offered);
  }
  return result;
}

/** None of a finished pod, nor of one on the network of its host: those are the host's, and nobody's to lend. */
export function addressesOf({ spec, status }: Pod): string[] {
  if (spec?.hostNetwork === true || status?.phase === 'Succeeded' || status?.phase === 'Failed') return [];
  return (status?.podIPs ?? []).flatMap(({ ip }) => ip ?? []);
}
