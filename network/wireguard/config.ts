import type { PublicKey, SecretKey } from './keys.ts';

/** One other gateway as it is wanted. */
export interface WireguardPeer {
  readonly publicKey: PublicKey;
  /** A second secret of both sides. Absent: none, and one that stands there is taken away. */
  readonly presharedKey?: SecretKey;
  /**
   * `192.0.2.1:51820` or `[2001:db8::1]:51820`; names are resolved by the caller. Absent: this side cannot dial, it learns
   * the endpoint from the peer's first packet.
   */
  readonly endpoint?: string;
  /**
   * Sources that this peer may have and destinations that go to it, as canonical CIDR of either family. A range is held
   * by one peer only: WireGuard takes it from the other one.
   */
  readonly allowedIps: readonly string[];
  /** Seconds between packets that keep a NAT open; 0 or absent: off. At most 65535. */
  readonly keepaliveSeconds?: number;
}

/** All that is wanted of one interface. */
export interface WireguardConfig {
  readonly privateKey: SecretKey;
  /** UDP, one for all peers (NET-20). */
  readonly listenPort: number;
  /** Mark on the encrypted packets, for policy routing. 0 or absent: none. */
  readonly firewallMark?: number;
  /** Bytes: MTU of the uplink − 60 over IPv4, − 80 over IPv6. */
  readonly mtuBytes: number;
  /** Own addresses on the interface as canonical CIDR with host part, such as `169.254.7.1/32`. May be empty. */
  readonly addresses: readonly string[];
  readonly peers: readonly WireguardPeer[];
}

/** One peer as the device holds it. */
export interface PeerState {
  readonly publicKey: PublicKey;
  readonly presharedKey?: SecretKey;
  /** Where packets go now: the configured one, or where the last authentic packet came from (roaming). */
  readonly endpoint?: string;
  /** What was configured last; unknown after a restart of this process, then absent. */
  readonly configuredEndpoint?: string;
  readonly allowedIps: readonly string[];
  /** 0: off. */
  readonly keepaliveSeconds: number;
  /** Wall clock; absent before the first one. */
  readonly lastHandshakeAt?: Date;
  /** Since the peer was added; a session reset starts at zero again. */
  readonly receivedBytes: number;
  /**
   * Packets whose source was none of `allowedIps`, since this process began; a second late. Absent: not counted for each peer
   * (the kernel's WireGuard counts them for the interface alone).
   */
  readonly refusedSources?: number;
  readonly sentBytes: number;
}

/** One interface as it stands. */
export interface DeviceState {
  readonly privateKey?: SecretKey;
  readonly listenPort: number;
  /** 0: none. */
  readonly firewallMark: number;
  /** In any order. */
  readonly peers: readonly PeerState[];
}
