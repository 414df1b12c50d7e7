import { GATEWAY_COUNTERS as COUNTERS, peerCounter } from './counter-names.ts';
import { dispatch } from './dispatch.ts';
import { exchangeBlocks, isolated, lentSets } from './exchange.ts';
import { forwarding, local } from './gateway-filters.ts';
import { homeApiBlock } from './home-api.ts';
import {
  chain,
  counter,
  device,
  drop,
  FAMILIES,
  type Family,
  familyOf,
  only,
  port,
  rangeSet,
  suffix,
  tableText,
} from './nft-text.ts';
import { encrypted, overlayPort } from './outer-packets.ts';
import { checkMappings, peerChains } from './peer-chains.ts';
import type { GatewayState } from './state.ts';
import { transitBlocks, transitPairs } from './transit.ts';

/**
 * The gateway's rules as text for `nft -f -`. Pure; equal states give equal text; linear in ranges, quadratic only in the
 * ranges of peers with transit.
 *
 * On the wire the source is the receiver's alias of the sender and the destination the sender's alias of the receiver
 * (NET-12). Filters never rely on NAT, because invalid packets skip nat chains: they stand before it and see the wire.
 * @throws NatError `NatStateInvalid`, not retryable
 */
export function renderGatewayTable(state: GatewayState): string {
  state.peers.forEach(checkMappings);
  const names = [
    ...Object.values(COUNTERS),
    ...state.peers.flatMap((peer) => [
      peerCounter(peer.name, 'invalid'),
      peerCounter(peer.name, 'destination'),
      ...(peer.isIsolated ? [peerCounter(peer.name, 'isolated')] : []),
    ]),
  ];
  return tableText(state.table ?? 'tombolo', [
    ...names.map(counter),
    ...FAMILIES.flatMap((family) => sets(state, family)),
    ...lentSets(),
    ...isolated(state.peers).flatMap(exchangeBlocks),
    ...transitBlocks(state),
    ...overlayPort(state),
    ...encrypted(state),
    ...state.peers.flatMap((peer) => peerChains(peer, state)),
    guard(state),
    prerouting(state),
    postrouting(state),
    local(state),
    ...forwarding(state),
  ]);
}

function sets(state: GatewayState, family: Family): string[] {
  const n = suffix(family);
  const pairs = state.peers.flatMap((peer) => {
    const originals = only(
      family,
      peer.announced.map(({ original }) => original),
    );
    return only(family, peer.ranges).flatMap((range) => originals.map((original) => `${original} . ${range}`));
  });
  return [
    rangeSet(`nodes${n}`, family, only(family, state.overlay.senders)),
    rangeSet(`own${n}`, family, only(family, state.ownRanges)),
    rangeSet(
      `peers${n}`,
      family,
      only(
        family,
        state.peers.flatMap((peer) => peer.ranges),
      ),
    ),
    rangeSet(`outbound${n}`, family, pairs, 2),
    rangeSet(`transit${n}`, family, transitPairs(state, family), 2),
    homeApiBlock(family),
  ];
}

function guard({ peers, tunnelDevice }: GatewayState): string {
  const tunnel = `iifname ${device(tunnelDevice)}`;
  return chain('guard', [
    // After conntrack (-200), which must know the packet, and before destination NAT (-100), which would hide the wire.
    'type filter hook prerouting priority mangle; policy accept;',
    ...dispatch(peers, tunnel, 'saddr', 'guard'),
    `${tunnel} ${drop(COUNTERS.source)}`,
  ]);
}

function prerouting({ peers, tunnelDevice }: GatewayState): string {
  return chain('prerouting', [
    'type nat hook prerouting priority dstnat; policy accept;',
    ...dispatch(peers, `iifname ${device(tunnelDevice)}`, 'saddr', 'from'),
  ]);
}

function postrouting({ peers, tunnelDevice, overlay, homeApi }: GatewayState): string {
  const family = homeApi === undefined ? undefined : familyOf(homeApi.target);
  return chain('postrouting', [
    'type nat hook postrouting priority srcnat; policy accept;',
    ...dispatch(peers, `oifname ${device(tunnelDevice)}`, 'daddr', 'to'),
    // The only case in which the gateway lends its own address: the uplink knows no alias.
    ...(homeApi === undefined || family === undefined
      ? []
      : [
          `oifname != { ${device(tunnelDevice)}, ${device(overlay.device)} } ${family} saddr @peers${suffix(family)} ` +
            `${family} daddr ${homeApi.target} tcp dport ${port(homeApi.port)} masquerade`,
        ]),
  ]);
}
