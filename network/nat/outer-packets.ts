import { GATEWAY_COUNTERS as COUNTERS } from './counter-names.ts';
import { chain, device, drop, FAMILIES, port, suffix } from './nft-text.ts';
import type { GatewayState } from './state.ts';

/** Outer packets are taken from nodes alone and never tracked: inner ones must be, and keep their NAT. */
export function overlayPort({ overlay, tunnelDevice }: GatewayState): string[] {
  const here = `udp dport ${port(overlay.port)}`;
  return [
    chain('overlay_port', [
      'type filter hook prerouting priority raw; policy accept;',
      `iifname { ${device(tunnelDevice)}, ${device(overlay.device)} } accept`,
      ...FAMILIES.map((family) => `${here} ${family} saddr != @nodes${suffix(family)} ${drop(COUNTERS.overlay)}`),
      `${here} notrack`,
    ]),
    chain('overlay_port_out', ['type filter hook output priority raw; policy accept;', `${here} notrack`]),
  ];
}

/**
 * Encrypted packets carry "don't fragment": WireGuard of the kernel never sets it, and a path that cuts and joins carries a
 * fraction. Nobody proves that he is the router who says that a packet was too large (RFC 8899, section 4.6), and a kernel
 * that believes it cuts them itself, in spite of the bit. The offsets are those of the header that the error quotes.
 */
export function encrypted({ tunnelPort }: GatewayState): string[] {
  if (tunnelPort === undefined) return [];
  const here = port(tunnelPort);
  return [
    chain('encrypted_out', [
      'type filter hook output priority mangle; policy accept;',
      `meta nfproto ipv4 udp sport ${here} ip frag-off set 0x4000`,
    ]),
    chain('encrypted_errors', [
      'type filter hook input priority raw; policy accept;',
      `icmp type destination-unreachable icmp code frag-needed @th,136,8 17 @th,224,16 ${here} drop`,
      `icmpv6 type packet-too-big @th,112,8 17 @th,384,16 ${here} drop`,
    ]),
  ];
}
