import { GATEWAY_COUNTERS as COUNTERS } from './counter-names.ts';
import { dispatchOf } from './dispatch.ts';
import { isolated } from './exchange.ts';
import { chain, device, drop, FAMILIES, familyOf, port, suffix } from './nft-text.ts';
import type { GatewayState } from './state.ts';
import { transitRules } from './transit.ts';

/** Errors about a connection may come from a router on the way, whose address is nobody's. */
const PASS_ERRORS = 'ct state related meta l4proto { icmp, icmpv6 } accept';

/** What may reach the gateway itself through the tunnel. */
export function local({ tunnelDevice, probePort }: GatewayState): string {
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
export function forwarding(state: GatewayState): string[] {
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
