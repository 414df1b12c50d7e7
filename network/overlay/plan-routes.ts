import { isIPv6 } from 'node:net';
import type { ActualRoute } from './actual.ts';
import type { Route } from './state.ts';

/** Routing protocol number of our routes, for people who look at them; above those that iproute2 has names for. */
const PROTOCOL = 204;

/**
 * Nobody else's metric: `ip route replace` takes the place of a route with equal destination and metric on *any* device,
 * and would else overwrite a foreign one.
 */
const METRIC = 51_840;

/**
 * Lines for `ip -batch` that make the routes of `device` equal to `desired`. Pure and total: equal routes give no line.
 * Replacements come first, so that a range never loses its route while its gateway moves (NET-21).
 * @param actual routes of `device` alone, without those that the kernel makes for its addresses
 * @param table number of the routing table; default: the main one
 */
export function planRoutes(
  device: string,
  desired: readonly Route[],
  actual: readonly ActualRoute[],
  table?: number,
): string[] {
  const where = table === undefined ? '' : ` table ${table}`;
  const wanted = new Map(desired.map((route) => [full(route.destination), route]));
  const standing = new Map(actual.filter(isOurs).map((route) => [full(route.destination), route]));
  const changed = [...wanted].filter(([destination, route]) => !isSame(route, standing.get(destination)));
  const surplus = actual.filter((route) => !isOurs(route) || !wanted.has(full(route.destination)));
  return [
    ...changed.map(([destination, { via, mtuBytes }]) => {
      const mtu = mtuBytes === undefined ? '' : ` mtu ${mtuBytes}`;
      return `route replace ${destination} via ${via} dev ${device} onlink proto ${PROTOCOL} metric ${METRIC}${mtu}${where}`;
    }),
    ...surplus.map(({ destination, via, metric }) => {
      const gateway = via === undefined ? '' : ` via ${via}`;
      return `route del ${full(destination)}${gateway} dev ${device} metric ${metric}${where}`;
    }),
  ];
}

const isOurs = (route: ActualRoute): boolean => route.metric === METRIC;

function isSame(route: Route, standing: ActualRoute | undefined): boolean {
  return standing?.via === route.via && standing.mtuBytes === route.mtuBytes;
}

/** With a prefix length: the kernel lists single addresses without. */
function full(destination: string): string {
  if (destination.includes('/') || destination === 'default') return destination;
  return `${destination}/${isIPv6(destination) ? 128 : 32}`;
}
