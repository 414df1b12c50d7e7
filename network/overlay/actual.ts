/** What the host has, as far as a plan needs it. */

export interface Link {
  readonly name: string;
  /** Such as `vxlan`, `veth`; absent for hardware. */
  readonly kind?: string;
  readonly group: string;
  readonly mac: string;
  readonly mtuBytes: number;
  readonly isUp: boolean;
  /** How IPv6 gives itself a link-local address; absent where IPv6 is off. */
  readonly ipv6AddressMode?: string;
  readonly vxlan?: { readonly vni?: number; readonly port?: number; readonly local?: string; readonly learns: boolean };
}

export interface ForwardingEntry {
  readonly mac: string;
  /** Outer address that frames for `mac` are sent to. */
  readonly underlay: string;
  readonly isPermanent: boolean;
}

/** A permanent one; the kernel's own are not ours to judge. */
export interface Neighbour {
  readonly address: string;
  readonly mac: string;
}

export interface ActualRoute {
  readonly destination: string;
  readonly via?: string;
  readonly metric: number;
  readonly mtuBytes?: number;
}

export interface DeviceRoute extends ActualRoute {
  /** Empty for a route without one, such as `unreachable`. */
  readonly device: string;
}
