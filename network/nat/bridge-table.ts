import { AGENT_COUNTERS as COUNTERS } from './counter-names.ts';
import { chain, counter, device, port, tableText } from './nft-text.ts';
import type { BridgeState } from './state.ts';

/**
 * A node's rules for its bridges, as text for `nft -f -`; loaded by a `NatTable` of family `bridge`. Pure.
 *
 * Two pods on one bridge reach each other below IP, where no rule of the node sees them, and to the node both come in by
 * the same device. So a pod could forge outer packets to the gateway, or with its address; the port tells them apart.
 * What the node itself sends into the bridge does not pass here. All bridges of the node are meant: not every kernel can
 * match the bridge's name (nft_meta_bridge).
 * @throws NatError `NatStateInvalid`, not retryable
 */
export function renderBridgeTable(state: BridgeState): string {
  const ports = [...new Set(state.trustedPorts)].map(device);
  const untrusted = ports.length === 0 ? '' : `iifname != { ${ports.join(', ')} } `;
  return tableText(
    state.table ?? 'tombolo',
    [
      counter(COUNTERS.overlay),
      chain('overlay_port', [
        // Before everything else that a bridge does; its names for priorities are not those of IP.
        'type filter hook prerouting priority -300; policy accept;',
        `${untrusted}udp dport ${port(state.port)} counter name ${COUNTERS.overlay} drop`,
      ]),
    ],
    'bridge',
  );
}
