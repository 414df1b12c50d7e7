import { AGENT_COUNTERS as COUNTERS } from './counter-names.ts';
import {
  chain,
  counter,
  device,
  elements,
  FAMILIES,
  type Family,
  only,
  port,
  rangeSet,
  tableText,
} from './nft-text.ts';
import type { AgentState } from './state.ts';

const drop = (name: string): string => `counter name ${name} drop`;
const suffix = (family: Family): string => (family === 'ip' ? '4' : '6');

/**
 * A node's rules as text for `nft -f -`. Pure; equal states give equal text; linear in ranges. Pods appear by their
 * ranges alone, so that pods that come and go change nothing.
 * @throws NatError `NatStateInvalid`, not retryable
 */
export function renderAgentTable(state: AgentState): string {
  return tableText(state.table ?? 'tombolo', [
    ...[COUNTERS.overlay, COUNTERS.invalid, COUNTERS.source, COUNTERS.destination].map(counter),
    ...FAMILIES.flatMap((family) => [
      rangeSet(`gateways${suffix(family)}`, family, only(family, state.overlay.gateways)),
      rangeSet(`pods${suffix(family)}`, family, only(family, state.podRanges)),
      rangeSet(`peers${suffix(family)}`, family, only(family, state.peerRanges)),
      rangeSet(`anchors${suffix(family)}`, family, only(family, state.anchors)),
    ]),
    overlayPort(state),
    chain('overlay_port_out', [
      'type filter hook output priority raw; policy accept;',
      `udp dport ${port(state.overlay.port)} notrack`,
    ]),
    ...arrival(state),
    keepSource(state),
  ]);
}

/**
 * VXLAN has no authentication: whoever reaches the port could forge packets of any peer. Outer packets come from a
 * gateway, or go to one from something that is no pod; all others are dropped before they cost a conntrack entry. They
 * are not tracked, so that no masquerade of the CNI changes the address by which both ends know each other.
 */
function overlayPort({ overlay }: AgentState): string {
  const here = `udp dport ${port(overlay.port)}`;
  return chain('overlay_port', [
    'type filter hook prerouting priority raw; policy accept;',
    `iifname ${device(overlay.device)} accept`,
    ...(overlay.reversePath === 'strict' ? [`${here} fib saddr . iif oif missing ${drop(COUNTERS.overlay)}`] : []),
    ...FAMILIES.flatMap((family) => {
      const n = suffix(family);
      return [
        `${here} ${family} saddr @gateways${n} notrack accept`,
        `${here} ${family} daddr @gateways${n} ${family} saddr != @pods${n} notrack accept`,
      ];
    }),
    `${here} ${drop(COUNTERS.overlay)}`,
  ]);
}

/**
 * What comes out of the overlay. Stands before destination NAT: there a NodePort on the anchor is still a NodePort, and
 * is not open unless it is published.
 */
function arrival({ overlay, published }: AgentState): string[] {
  const ports = (protocol: 'tcp' | 'udp') =>
    published.filter((entry) => entry.protocol === protocol).map((entry) => String(port(entry.port)));
  const open = (['tcp', 'udp'] as const).flatMap((protocol) => {
    const list = [...new Set(ports(protocol))];
    if (list.length === 0) return [];
    return FAMILIES.map(
      (family) => `${family} daddr @anchors${suffix(family)} ${protocol} dport { ${list.join(', ')} } accept`,
    );
  });
  return [
    chain('arrived', [
      'ct state established,related accept',
      `ct state invalid ${drop(COUNTERS.invalid)}`,
      'ip daddr @anchors4 icmp type echo-request accept',
      'ip6 daddr @anchors6 icmpv6 type echo-request accept',
      ...FAMILIES.map((family) => `${family} saddr != @peers${suffix(family)} ${drop(COUNTERS.source)}`),
      ...FAMILIES.map((family) => `${family} daddr @pods${suffix(family)} accept`),
      ...open,
      drop(COUNTERS.destination),
    ]),
    chain('arrival', [
      'type filter hook prerouting priority mangle; policy accept;',
      `iifname ${device(overlay.device)} goto arrived`,
    ]),
  ];
}

/**
 * Pods keep their address towards peers: the source is bound to itself before the masquerade of a CNI (at srcnat) can
 * bind it to the node's. Everything else that leaves by the overlay gets the node's anchor, so that replies find the
 * node without marks.
 */
function keepSource({ overlay, podRanges, anchors }: AgentState): string {
  const leaving = `oifname ${device(overlay.device)}`;
  return chain('keep_source', [
    'type nat hook postrouting priority srcnat - 10; policy accept;',
    ...FAMILIES.flatMap((family) => {
      const same = only(family, podRanges).map((range) => `${range} : ${range}`);
      return same.length === 0 ? [] : [`${leaving} snat ${family} prefix to ${family} saddr map ${elements(same)}`];
    }),
    ...FAMILIES.flatMap((family) => {
      const [anchor] = only(family, anchors);
      // Pods are bound already and do not come here.
      return anchor === undefined ? [] : [`${leaving} ${family} saddr != ${anchor} snat ${family} to ${anchor}`];
    }),
  ]);
}
