import type { OpenPort } from './isolation-table.ts';

/**
 * What the rules of a host are made from. Ranges are canonical CIDR strings (`10.244.0.0/16`, `fd00:1::/64`), addresses
 * are plain; both families may be mixed in every list. Ranges of different peers never overlap: that is the work of the
 * address management, and nft refuses a table where they do.
 */

/** One range of ours and how a peer sees it. Both have the same family and length; the host part is kept. */
export interface Mapping {
  /** Here: an own range, or with transit our alias of a third cluster's range. */
  readonly original: string;
  /** At the peer. Equal to `original` where nothing has to be translated. */
  readonly alias: string;
}

export interface PeerNat {
  /** Unique. Becomes part of chain and counter names. */
  readonly name: string;
  /** How we see the peer's ranges: the only sources that its packets may have. */
  readonly ranges: readonly string[];
  /** What was announced to the peer: the only destinations that its packets may have. */
  readonly announced: readonly Mapping[];
  /**
   * How the peer sees the anchor of the home API: one address inside an announced alias. Absent: the peer's pods cannot
   * reach it.
   */
  readonly homeApiAddress?: string;
  /**
   * True: packets pass only between addresses that have to do with each other, see `exchangeSets`. Absent: whatever is
   * announced may be reached.
   */
  readonly isIsolated?: boolean;
  /**
   * True: it borrows nothing from us, so what it lets us reach is its decision: ours may open connections to it, although
   * nothing there runs for us. Absent: they may not.
   */
  readonly isProviderOnly?: boolean;
}

/** Who may exchange packets with whom, for one isolated peer. Addresses of either family. */
export interface Exchange {
  /** Pods of ours that run for the peer: it may reach them, and they it. */
  readonly lent: readonly string[];
  /** Pods at the peer that run for us, as we see them: all of ours may reach them, and they ours. */
  readonly ours: readonly string[];
  /** Ports of ours that the peer may open although they do not run for it: what this cluster offers it. Default none. */
  readonly offered?: readonly OpenPort[];
}

/** The home cluster's API as offloaded pods reach it, see `homeApiSets`. The port is 443 on their side. */
export interface HomeApi {
  /** Where connections go: an address that the gateway reaches by its own uplink, such as the `kubernetes` Service. */
  readonly target: string;
  readonly port: number;
}

export interface GatewayState {
  /** Name of the table; more than one of ours may stand in a network namespace. Default `tombolo`. */
  readonly table?: string;
  readonly tunnelDevice: string;
  readonly overlay: {
    readonly device: string;
    /** UDP port of the overlay's outer packets. */
    readonly port: number;
    /** Addresses from which outer packets are accepted: those of the nodes. Empty: from nobody. */
    readonly senders: readonly string[];
  };
  /** Every range of this cluster that takes part: pods and anchors. */
  readonly ownRanges: readonly string[];
  readonly peers: readonly PeerNat[];
  /** Pairs of peer names between which packets may pass, in both directions, as far as each is told of the other. */
  readonly transit: readonly (readonly [string, string])[];
  /**
   * How many groups of addresses there are that may exchange packets in transit, each among itself: see `transitSets`.
   * Absent: whatever two peers are told of each other may be reached.
   */
  readonly transitGroups?: number;
  readonly homeApi?: HomeApi;
  /**
   * UDP port of the tunnel's encrypted packets. They are never cut on their way, and what routers say of their size is not
   * heard: only probes tell what a path carries. Absent: nothing is done to them.
   */
  readonly tunnelPort?: number;
  /** UDP port of the gateway that peers probe. Absent: only echo requests are answered. */
  readonly probePort?: number;
}

export interface AgentState {
  /** As for the gateway. */
  readonly table?: string;
  readonly overlay: {
    readonly device: string;
    readonly port: number;
    /** Addresses of the gateway pods: the only ones that may send outer packets to nodes. Empty: nobody may. */
    readonly gateways: readonly string[];
    /**
     * `strict`: an outer packet must come in by the device that leads back to its source, so that a pod cannot lend the
     * gateway's address. `off` only for CNIs that receive and send by different devices (Cilium with tunnels).
     */
    readonly reversePath: 'strict' | 'off';
  };
  /** Pod ranges of this cluster. */
  readonly podRanges: readonly string[];
  /** How this cluster sees the ranges of all its peers. */
  readonly peerRanges: readonly string[];
  /** This node's anchors: the addresses of its overlay device, at most one per family. */
  readonly anchors: readonly string[];
  /** Ports that remote clients may open on the anchors. */
  readonly published: readonly { readonly protocol: 'tcp' | 'udp'; readonly port: number }[];
}

/** The bridges of a node on which pods share one (bridge plugin, flannel, kindnet with a bridge). */
export interface BridgeState {
  /** As for the gateway; the table is one of the bridge family. */
  readonly table?: string;
  /** UDP port of the overlay's outer packets. */
  readonly port: number;
  /** Ports of any bridge that may send them: that of a gateway pod, an uplink. Empty: none. */
  readonly trustedPorts: readonly string[];
}
