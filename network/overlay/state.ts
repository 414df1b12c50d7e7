/**
 * What one end of the overlay looks like: a node, or a gateway pod. Addresses and ranges are canonical strings of either
 * family.
 */

export interface OverlayDevice {
  readonly name: string;
  /** VXLAN network identifier, 24 bits. */
  readonly vni: number;
  /** UDP port of outer packets, the same in the whole cluster. */
  readonly port: number;
  /** Outer address of this end: the node's, or the gateway pod's. */
  readonly local: string;
  /** Of inner packets; see `overlayMtu`. */
  readonly mtuBytes: number;
  /** Inner addresses; the first of each family becomes the primary one, which masquerading takes. */
  readonly addresses: readonly string[];
}

/** Another end. It has the MAC that `overlayMac` makes of its outer address. */
export interface Remote {
  readonly underlay: string;
  readonly addresses: readonly string[];
}

export interface Route {
  /** A range; for a single address `/32` or `/128` may be left out. */
  readonly destination: string;
  /** Inner address of the remote that forwards to it. */
  readonly via: string;
  /** Where the way behind `via` carries less than the device. */
  readonly mtuBytes?: number;
}

export interface OverlayState {
  readonly device: OverlayDevice;
  readonly remotes: readonly Remote[];
  readonly routes: readonly Route[];
  /**
   * Routes for packets that come in by another device, in a table of their own: where this host's own packets to the same
   * ranges go another way, such as a gateway pod's, which the CNI carries. Absent: not looked at.
   */
  readonly forwarded?: { readonly from: string; readonly routes: readonly Route[] };
}
