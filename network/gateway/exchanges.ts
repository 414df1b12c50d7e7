import type { Exchange } from '#network/nat';
import { companionsOf } from '#network/transit';
import { LABEL, type Peer } from '#pkg/api';
import { identityOf, type KubeObject, type Node, type Pod } from '#pkg/kube';

export interface ExchangeFacts {
  readonly pods: readonly Pod[];
  /** Twin namespaces: who they are for is said by their label, which tenants cannot write. */
  readonly namespaces: readonly KubeObject[];
  readonly nodes: readonly Node[];
  readonly peers: readonly Peer[];
}

/**
 * By peer, the pods that have to do with it: those in its twin namespaces here, and those on its virtual nodes, by the
 * address under which we see them. What runs here for a consumer is lent also to peers of ours where its other pods are:
 * directly they need not go through it (NET-18). Finished pods have none any more. Pure.
 */
export function exchangesOf({ pods, namespaces, nodes, peers }: ExchangeFacts): Map<string, Exchange> {
  const owners = new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels?.[LABEL.origin]]));
  const providers = new Map(nodes.map(({ metadata }) => [metadata.name, metadata.labels?.[LABEL.peer]]));
  const companions = companionsOf(peers);
  const result = new Map<string, { lent: string[]; ours: string[] }>();
  const add = (peer: string | undefined, side: 'lent' | 'ours', addresses: readonly string[]) => {
    if (peer === undefined) return;
    const entry = result.get(peer) ?? { lent: [], ours: [] };
    entry[side].push(...addresses);
    result.set(peer, entry);
  };
  for (const pod of pods) {
    const addresses = addressesOf(pod);
    if (addresses.length === 0) continue;
    const owner = owners.get(pod.metadata.namespace ?? '');
    add(owner, 'lent', addresses);
    for (const other of companions.get(owner ?? '') ?? []) add(other, 'lent', addresses);
    add(providers.get(pod.spec?.nodeName ?? ''), 'ours', addresses);
  }
  return result;
}

/** None of a finished pod, nor of one on the network of its host: those are the host's, and nobody's to lend. */
export function addressesOf({ spec, status }: Pod): string[] {
  if (spec?.hostNetwork === true || status?.phase === 'Succeeded' || status?.phase === 'Failed') return [];
  return (status?.podIPs ?? []).flatMap(({ ip }) => ip ?? []);
}

/** Keeps of a pod what `exchangesOf` reads: there may be very many. */
export function trimToAddresses({ metadata, spec, status }: Pod): Pod {
  return {
    metadata: identityOf(metadata),
    spec: {
      containers: [],
      ...(spec?.nodeName !== undefined && { nodeName: spec.nodeName }),
      ...(spec?.hostNetwork !== undefined && { hostNetwork: spec.hostNetwork }),
    },
    status: {
      ...(status?.phase !== undefined && { phase: status.phase }),
      ...(status?.podIPs !== undefined && { podIPs: status.podIPs }),
    },
  };
}
