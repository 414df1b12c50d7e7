import { type Family, readAddress, readCidr } from '#network/cidr';
import { gatewayAnchor } from '#network/ipam';
import type { GatewayState, HomeApi } from '#network/nat';
import type { OverlayState } from '#network/overlay';
import { overlayMtu, tunnelMtu } from '#network/overlay';
import type { SecretKey, WireguardConfig } from '#network/wireguard';
import { isIPv6 } from 'node:net';
import type { ClusterNetwork } from '#pkg/api';
import type { TunnelPeer } from './plan-peers.ts';
import type { TransitPlan } from './plan-transit.ts';
import { type TunnelRoute, tunnelRoutes } from './tunnel-routes.ts';

export const TUNNEL_DEVICE = 'tombolo-wg';
export const OVERLAY_DEVICE = 'tombolo-vx';
/** VXLAN network identifier: the overlay has its own port, so nobody else's can be meant. */
export const OVERLAY_VNI = 51_840;

/** Keeps the NAT in front of a gateway open that cannot be dialled (RFC 4787 asks for two minutes, many keep 30 s). */
const KEEPALIVE_SECONDS = 25;

export interface GatewayPorts {
  /** UDP, of the tunnel. */
  readonly tunnel: number;
  /** UDP, of the overlay's outer packets. */
  readonly overlay: number;
  /** UDP, of probes inside the tunnel. */
  readonly probe: number;
}

/** A node as the gateway reaches it. */
export interface NodeFacts {
  /** Its address outside the overlay. */
  readonly underlay: string;
  readonly anchor: string;
  /** Ranges of its pods. */
  readonly podRanges: readonly string[];
}

export interface GatewayFacts {
  readonly network: ClusterNetwork;
  readonly nodes: readonly NodeFacts[];
  readonly peers: readonly TunnelPeer[];
  readonly transit: TransitPlan;
  /** The endpoint to dial now, by peer, as ADDRESS:PORT. */
  readonly endpoints: ReadonlyMap<string, string>;
  /** What the path to each peer carries, in bytes, of those where it was found. */
  readonly pathMtus: ReadonlyMap<string, number>;
  readonly privateKey: SecretKey;
  readonly podAddress: string;
  /** MTU of the pod's own link. */
  readonly linkBytes: number;
  readonly ports: GatewayPorts;
  /** Whether peers reach only what has to do with them. */
  readonly isIsolated: boolean;
  /** The API of this cluster for pods that run elsewhere; absent where the gateway has no address for it. */
  readonly homeApi?: HomeApi | undefined;
  /** Only one replica forwards: the others hold everything but peers and routes into the tunnel. */
  readonly isActive: boolean;
}

/** All that a gateway pod's network shall hold. */
export interface GatewayPlan {
  readonly overlay: OverlayState;
  readonly nat: GatewayState;
  readonly tunnel: WireguardConfig;
  /** What goes into the tunnel. */
  readonly tunnelRoutes: readonly TunnelRoute[];
  readonly transit: TransitPlan;
  /** Address of this gateway inside the overlay: the one that probes have. */
  readonly address: string;
}

/**
 * The desired state of one gateway pod. Pure and total.
 * @throws OverlayError `OverlayStateInvalid` where the links are too small
 */
export function planGateway(facts: GatewayFacts): GatewayPlan {
  const { network, nodes, peers, transit, endpoints, pathMtus, privateKey, podAddress, linkBytes, ports } = facts;
  const { isIsolated, isActive, homeApi } = facts;
  const { podRanges, anchorRange } = network.spec;
  const anchors = readCidr(anchorRange);
  if (anchors === undefined) throw new Error(`the anchor range ${anchorRange} is no range`); // checked before: problemOf
  const address = gatewayAnchor(anchors);
  const version = isIPv6(podAddress) ? 6 : 4;
  return {
    address,
    transit,
    overlay: {
      device: {
        name: OVERLAY_DEVICE,
        vni: OVERLAY_VNI,
        port: ports.overlay,
        local: podAddress,
        mtuBytes: overlayMtu([linkBytes], version),
        addresses: [address],
      },
      remotes: nodes.map(({ underlay, anchor }) => ({ underlay, addresses: [anchor] })),
      routes: nodes.map(({ anchor }) => ({ destination: anchor, via: anchor })),
      // The pod's own packets to other pods go by the CNI, with all its routes; those from peers never do.
      forwarded: {
        from: TUNNEL_DEVICE,
        routes: nodes.flatMap(({ anchor, podRanges: ranges }) =>
          [anchor, ...ranges].map((destination) => ({ destination, via: anchor })),
        ),
      },
    },
    nat: {
      tunnelDevice: TUNNEL_DEVICE,
      overlay: { device: OVERLAY_DEVICE, port: ports.overlay, senders: nodes.map(({ underlay }) => underlay) },
      ownRanges: [...podRanges, anchorRange],
      peers: peers.map(({ nat }) => ({ ...nat, isIsolated })),
      transit: transit.pairs,
      ...(isIsolated && { transitGroups: transit.groups.length }),
      ...reachable(homeApi, anchors.family),
      probePort: ports.probe,
      tunnelPort: ports.tunnel,
    },
    tunnel: {
      privateKey,
      listenPort: ports.tunnel,
      mtuBytes: tunnelMtu(linkBytes, version),
      addresses: [],
      peers: (isActive ? peers : []).flatMap(({ name, publicKey, nextPublicKey, nat }) => {
        const endpoint = endpoints.get(name);
        const peer = {
          publicKey,
          allowedIps: nat.ranges,
          keepaliveSeconds: KEEPALIVE_SECONDS,
          ...(endpoint !== undefined && { endpoint }),
        };
        return nextPublicKey === undefined ? [peer] : [peer, { publicKey: nextPublicKey, allowedIps: [] }];
      }),
    },
    tunnelRoutes: isActive ? tunnelRoutes(peers, pathMtus) : [],
  };
}

/** Peers know the API by an anchor, and an address of the other family cannot stand for one. */
function reachable(homeApi: HomeApi | undefined, family: Family): Pick<GatewayState, 'homeApi'> {
  return homeApi !== undefined && readAddress(homeApi.target)?.family === family ? { homeApi } : {};
}
