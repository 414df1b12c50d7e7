import { GATEWAY_COUNTERS as COUNTERS, peerCounter } from './counter-names.ts';
import { NatError } from './errors.ts';
import { exchangeBlocks, isolated, lentSets } from './exchange.ts';
import { homeApiBlock, homeApiClients } from './home-api.ts';
import {
  chain,
  counter,
  device,
  drop,
  elements,
  FAMILIES,
  type Family,
  familyOf,
  only,
  port,
  rangeSet,
  safeName,
  suffix,
  tableText,
} from './nft-text.ts';
import type { GatewayState, Mapping, PeerNat } from './state.ts';
import { transitBlocks, transitPairs, transitRules } from './transit.ts';

/** Errors about a connection may come from a router on the way, whose address is nobody's. */
const PASS_ERRORS = 'ct state related meta l4proto { icmp, icmpv6 } accept';

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
    overlayPort(state),
    chain('overlay_port_out', [
      'type filter hook output priority raw; policy accept;',
      `udp dport ${port(state.overlay.port)} notrack`,
    ]),
    ...encrypted(state),
    ...state.peers.flatMap((peer) => peerChains(peer, state)),
    guard(state),
    prerouting(state),
    postrouting(state),
    local(state),
    ...forwarding(state),
  ]);
}

function checkMappings({ name, announced }: PeerNat): void {
  const wrong = announced.find(
    ({ original, alias }) => familyOf(original) !== familyOf(alias) || original.split('/')[1] !== alias.split('/')[1],
  );
  if (wrong === undefined) return;
  throw new NatError('NatStateInvalid', {
    attempted: 'write packet rules',
    where: `${wrong.original} as ${wrong.alias} for ${name}`,
    why: 'a range and its alias differ in family or length',
  });
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

/** Outer packets are taken from nodes alone and never tracked: inner ones must be, and keep their NAT. */
function overlayPort({ overlay, tunnelDevice }: GatewayState): string {
  const here = `udp dport ${port(overlay.port)}`;
  return chain('overlay_port', [
    'type filter hook prerouting priority raw; policy accept;',
    `iifname { ${device(tunnelDevice)}, ${device(overlay.device)} } accept`,
    ...FAMILIES.map((family) => `${here} ${family} saddr != @nodes${suffix(family)} ${drop(COUNTERS.overlay)}`),
    `${here} notrack`,
  ]);
}

/**
 * Encrypted packets carry "don't fragment": WireGuard of the kernel never sets it, and a path that cuts and joins carries a
 * fraction. Nobody proves that he is the router who says that a packet was too large (RFC 8899, section 4.6), and a kernel
 * that believes it cuts them itself, in spite of the bit. The offsets are those of the header that the error quotes.
 */
function encrypted({ tunnelPort }: GatewayState): string[] {
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

function peerChains(peer: PeerNat, { homeApi }: GatewayState): string[] {
  const name = safeName(peer.name);
  const refuse = drop(peerCounter(peer.name, 'destination'));
  const aliases = peer.announced.map(({ alias }) => alias);
  const api = homeApi === undefined ? undefined : peer.homeApiAddress;
  const family = api === undefined ? undefined : familyOf(api);
  return [
    chain(`guard_${name}`, [
      `ct state invalid ${drop(peerCounter(peer.name, 'invalid'))}`,
      ...(family === undefined
        ? []
        : [
            `${family} daddr ${api} tcp dport 443 ${family} saddr @${homeApiClients(family)} accept`,
            `${family} daddr ${api} ${refuse}`,
          ]),
      ...FAMILIES.flatMap((one) => {
        const open = only(one, aliases);
        return open.length === 0 ? [] : [`${one} daddr ${elements(open)} accept`];
      }),
      refuse,
    ]),
    chain(`from_${name}`, [
      ...(homeApi === undefined || family === undefined
        ? []
        : [`${family} daddr ${api} tcp dport 443 dnat ${family} to ${target(homeApi, family)}`]),
      ...translations(
        'dnat',
        'daddr',
        peer.announced.map(({ original, alias }) => [alias, original]),
      ),
    ]),
    chain(
      `to_${name}`,
      translations(
        'snat',
        'saddr',
        peer.announced.map(({ original, alias }) => [original, alias]),
      ),
    ),
  ];
}

function target({ target: address, port: number }: { target: string; port: number }, family: Family): string {
  if (familyOf(address) !== family) {
    throw new NatError('NatStateInvalid', {
      attempted: 'write packet rules',
      where: `home API at ${address}`,
      why: 'its anchor is of the other family',
    });
  }
  return family === 'ip' ? `${address}:${port(number)}` : `[${address}]:${port(number)}`;
}

/** Prefix translation per family; ranges that stay as they are are left out. */
function translations(
  verb: 'dnat' | 'snat',
  field: 'daddr' | 'saddr',
  pairs: readonly (readonly [Mapping['alias'], Mapping['original']])[],
): string[] {
  return FAMILIES.flatMap((family) => {
    const changed = pairs.filter(([from, to]) => from !== to && familyOf(from) === family);
    const items = changed.map(([from, to]) => `${from} : ${to}`);
    return items.length === 0 ? [] : [`${verb} ${family} prefix to ${family} ${field} map ${elements(items)}`];
  });
}

/** A verdict map: the range of a peer leads to a chain of that peer. */
function dispatchOf(
  family: Family,
  peers: readonly PeerNat[],
  match: string,
  field: 'daddr' | 'saddr',
  prefix: string,
): string[] {
  const items = peers.flatMap((peer) =>
    only(family, peer.ranges).map((range) => `${range} : goto ${prefix}_${safeName(peer.name)}`),
  );
  return items.length === 0 ? [] : [`${match} ${family} ${field} vmap ${elements(items)}`];
}

/** One verdict map per family. */
function dispatch(peers: readonly PeerNat[], match: string, field: 'daddr' | 'saddr', prefix: string): string[] {
  return FAMILIES.flatMap((family) => dispatchOf(family, peers, match, field, prefix));
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

function local({ tunnelDevice, probePort }: GatewayState): string {
  const tunnel = `iifname ${device(tunnelDevice)}`;
  return chain('local', [
    'type filter hook input priority filter; policy accept;',
    `${tunnel} ct state established,related accept`,
    `${tunnel} icmp type echo-request accept`,
    `${tunnel} icmpv6 type echo-request accept`,
    ...(probePort === undefined ? [] : [`${tunnel} udp dport ${port(probePort)} accept`]),
    `${tunnel} ${drop(COUNTERS.local)}`,
  ]);
}

/** What passes between overlay and tunnel. Devices that are not ours are left to whoever owns them. */
function forwarding(state: GatewayState): string[] {
  const { tunnelDevice, overlay, homeApi, peers } = state;
  const [tunnel, inside] = [device(tunnelDevice), device(overlay.device)];
  // `rt mtu` is the smaller one of both ways of the route, so each direction learns the limit of the other.
  const clamp = 'tcp flags syn / syn,rst tcp option maxseg size set rt mtu';
  const api = homeApi === undefined ? undefined : { ...homeApi, family: familyOf(homeApi.target) };
  return [
    chain('outbound', [
      PASS_ERRORS,
      // What was not announced is refused first, so that an exchange may accept.
      ...FAMILIES.flatMap((family) => {
        const n = suffix(family);
        const announced = `${family} saddr @own${n} ${family} saddr . ${family} daddr @outbound${n}`;
        return [...dispatchOf(family, isolated(peers), announced, 'daddr', 'exchange_out'), `${announced} accept`];
      }),
      drop(COUNTERS.outbound),
    ]),
    chain('inbound', [
      `oifname { ${tunnel}, ${inside} } ${PASS_ERRORS}`,
      ...FAMILIES.flatMap((family) => {
        const own = `oifname ${inside} ${family} daddr @own${suffix(family)}`;
        return [...dispatchOf(family, isolated(peers), own, 'saddr', 'exchange_in'), `${own} accept`];
      }),
      ...transitRules(tunnel, state),
      ...(api === undefined
        ? []
        : [`ct status dnat ${api.family} daddr ${api.target} tcp dport ${port(api.port)} accept`]),
      drop(COUNTERS.inbound),
    ]),
    chain('forward', [
      'type filter hook forward priority filter; policy accept;',
      `oifname ${tunnel} ${clamp}`,
      `iifname ${tunnel} ${clamp}`,
      `iifname ${tunnel} goto inbound`,
      `iifname ${inside} oifname ${tunnel} goto outbound`,
      ...(api === undefined
        ? []
        : [
            `iifname != ${inside} oifname ${tunnel} ct direction reply ct status dnat ` +
              `${api.family} saddr ${api.target} tcp sport ${port(api.port)} accept`,
          ]),
      `oifname ${tunnel} ${drop(COUNTERS.outbound)}`,
      `iifname ${inside} ${drop(COUNTERS.outbound)}`,
    ]),
  ];
}
