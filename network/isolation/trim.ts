import { identityOf, type Node, type Pod } from '#pkg/kube';

/**
 * Keeps of a pod where it runs and its addresses, as long as it has them: they may be given to another pod as soon as its
 * containers have ended, which is a moment before the pod is gone. There may be very many.
 */
export function trimToAddresses({ metadata, spec, status }: Pod): Pod {
  const phase = isOver(metadata, status) ? 'Succeeded' : status?.phase;
  return {
    metadata: identityOf(metadata),
    spec: {
      containers: [],
      ...(spec?.nodeName !== undefined && { nodeName: spec.nodeName }),
      ...(spec?.hostNetwork !== undefined && { hostNetwork: spec.hostNetwork }),
    },
    status: {
      ...(phase !== undefined && { phase }),
      ...(phase !== 'Succeeded' && status?.podIPs !== undefined && { podIPs: status.podIPs }),
    },
  };
}

function isOver(metadata: Pod['metadata'], status: Pod['status']): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return true;
  if (metadata.deletionTimestamp === undefined) return false;
  const containers = status?.containerStatuses ?? [];
  return containers.length > 0 && containers.every(({ state }) => state?.terminated !== undefined);
}

/** Annotations under which CNIs keep the address that a node has in their own overlay; what a node masquerades has it. */
export const TUNNEL_ADDRESSES = [
  'projectcalico.org/IPv4IPIPTunnelAddr',
  'projectcalico.org/IPv4VXLANTunnelAddr',
  'projectcalico.org/IPv4WireguardInterfaceAddr',
  'network.cilium.io/ipv4-cilium-host',
  'network.cilium.io/ipv6-cilium-host',
] as const;

/** Keeps of a node the addresses that it has and those that its pods may have: heartbeats of a node are large and many. */
export function trimNodeToAddresses({ metadata, spec, status }: Node): Node {
  const { labels, annotations } = metadata;
  const kept = TUNNEL_ADDRESSES.flatMap((key) => (annotations?.[key] === undefined ? [] : [[key, annotations[key]]]));
  return {
    metadata: {
      ...identityOf(metadata),
      ...(labels !== undefined && { labels }),
      annotations: Object.fromEntries(kept),
    },
    spec: { ...(spec?.podCIDRs !== undefined && { podCIDRs: spec.podCIDRs }) },
    status: { ...(status?.addresses !== undefined && { addresses: status.addresses }) },
  };
}
