import { isIPv6 } from 'node:net';
import { readAddress, readCidr } from '#network/cidr';
import { OVERLAY_DEVICE, OVERLAY_VNI } from '#network/gateway';
import { formatAlias, gatewayAnchor, readAliases } from '#network/ipam';
import type { AgentState } from '#network/nat';
import { overlayMtu, type OverlayState } from '#network/overlay';
import { ANNOTATION, type ClusterNetwork, type Peer } from '#pkg/api';
import type { Lease, Node } from '#pkg/kube';
import type { BridgesState } from './overlay-bridges.ts';

export interface AgentFacts {
  readonly network: ClusterNetwork;
  /** The node that this agent runs on. */
  readonly node: Node;
  readonly peers: readonly Peer[];
  /** Lease of the gateway: who forwards, and where. */
  readonly lease: Lease | undefined;
  readonly nodeAddress: string;
  /** MTU of the node's link that has this address. */
  readonly linkBytes: number;
  /** UDP, of the overlay's outer packets. */
  readonly overlayPort: number;
  readonly reversePath: 'strict' | 'off';
}

/** All that a node's network shall hold of ours. */
export interface AgentPlan {
  readonly overlay: OverlayState;
  readonly nat: AgentState;
  readonly bridges: BridgesState;
}

/** The desired state of one node; undefined until it has an anchor and a gateway is known. Pure. */
export function planAgent(facts: AgentFacts): AgentPlan | undefined {
  const { network, node, peers, lease, nodeAddress, linkBytes, overlayPort, reversePath } = facts;
  const anchors = readCidr(network.spec.anchorRange);
  const anchor = node.metadata.annotations?.[ANNOTATION.anchorAddress];
  const gateway = lease?.metadata.annotations?.[ANNOTATION.gatewayAddress];
  if (anchors === undefined || anchor === undefined || readAddress(anchor) === undefined) return undefined;
  if (gateway === undefined || readAddress(gateway) === undefined) return undefined;
  const version = isIPv6(nodeAddress) ? 6 : 4;
  const told = Number(lease?.metadata.annotations?.[ANNOTATION.overlayMtu]);
  const own = overlayMtu([linkBytes], version);
  const via = gatewayAnchor(anchors);
  const peerRanges = peers
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .flatMap(({ status }) => readAliases(status?.network?.aliases ?? []).map((pair) => formatAlias(pair).alias));
  return {
    overlay: {
      device: {
        name: OVERLAY_DEVICE,
        vni: OVERLAY_VNI,
        port: overlayPort,
        local: nodeAddress,
        mtuBytes: Number.isInteger(told) && told > 0 ? Math.min(told, own) : own,
        addresses: [anchor],
      },
      remotes: [{ underlay: gateway, addresses: [via] }],
      routes: [...new Set(peerRanges)].toSorted().map((destination) => ({ destination, via })),
    },
    nat: {
      overlay: { device: OVERLAY_DEVICE, port: overlayPort, gateways: [gateway], reversePath },
      podRanges: network.spec.podRanges,
      peerRanges: [...new Set(peerRanges)].toSorted(),
      anchors: [anchor],
      published: [],
    },
    bridges: {
      overlayPort,
      nodeAddress,
      gatewayLink: linkOn(node.metadata.name, lease?.metadata.annotations?.[ANNOTATION.gatewayLink]),
    },
  };
}

/** The number in `NODE/NUMBER`; undefined for another node. */
function linkOn(nodeName: string, link: string | undefined): number | undefined {
  const number = Number(link?.startsWith(`${nodeName}/`) && link.slice(nodeName.length + 1));
  return Number.isInteger(number) && number > 0 ? number : undefined;
}
