import { OverlayError } from './errors.ts';

/** IPv4 20 or IPv6 40, UDP 8, WireGuard 32 (type and receiver 8, counter 8, tag 16). */
const TUNNEL_OVERHEAD = { 4: 60, 6: 80 } as const;

/** IPv4 20 or IPv6 40, UDP 8, VXLAN 8, inner Ethernet 14. */
const OVERLAY_OVERHEAD = { 4: 50, 6: 70 } as const;

/** RFC 8200, section 5: an IPv6 link carries at least this much, and an inner IPv6 packet must fit. */
const LEAST_BYTES = 1280;

/**
 * MTU of the tunnel device.
 * @param pathBytes what the gateway pod's own link, or the path to the peer, carries
 * @param version of the outer packets
 * @throws OverlayError `OverlayStateInvalid` where less than 1280 bytes would be left
 */
export function tunnelMtu(pathBytes: number, version: 4 | 6): number {
  return atLeast(pathBytes - TUNNEL_OVERHEAD[version], `a path of ${pathBytes} bytes`);
}

/**
 * MTU of the overlay devices of a cluster: the same on all, because a packet for the gateway may start on any node.
 * @param linkBytes MTU of every link that outer packets pass: the nodes' and the gateway pods'; at least one
 * @throws OverlayError `OverlayStateInvalid` where less than 1280 bytes would be left
 */
export function overlayMtu(linkBytes: readonly number[], version: 4 | 6): number {
  const least = Math.min(...linkBytes);
  return atLeast(least - OVERLAY_OVERHEAD[version], `links of at least ${least} bytes`);
}

/** What an inner packet may measure from pod to pod: the least of the two tunnels' ends and the two overlays. */
export function innerMtu(parts: readonly number[]): number {
  return Math.min(...parts);
}

function atLeast(bytes: number, where: string): number {
  if (Number.isSafeInteger(bytes) && bytes >= LEAST_BYTES) return bytes;
  const why = `leaves ${bytes} bytes, IPv6 needs ${LEAST_BYTES}`;
  throw new OverlayError('OverlayStateInvalid', { attempted: 'work out an MTU', where, why });
}
