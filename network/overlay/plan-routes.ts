import type { ActualRoute } from './actual.ts';
import { ROUTE_METRIC, ROUTE_PROTOCOL, withLength } from './our-routes.ts';
import type { Route } from './state.ts';

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
  const wanted = new Map(desired.map((route) => [withLength(route.destination), route]));
  const standing = new Map(actual.filter(isOurs).map((route) => [withLength(route.destination), route]));
  const changed = [...wanted].filter(([destination, route]) => !isSame(route, standing.get(destination)));
  const surplus = actual.filter((route) => !isOurs(route) || !wanted.has(withLength(route.destination)));
  return [
    ...changed.map(([destination, { via, mtuBytes }]) => {
      const mtu = mtuBytes === undefined ? '' : ` mtu ${mtuBytes}`;
      return `route replace ${destination} via ${via} dev ${device} onlink proto ${ROUTE_PROTOCOL} metric ${ROUTE_METRIC}${mtu}${where}`;
    }),
    ...surplus.map(({ destination, via, metric }) => {
      const gateway = via === undefined ? '' : ` via ${via}`;
      return `route del ${withLength(destination)}${gateway} dev ${device} metric ${metric}${where}`;
    }),
  ];
}

const isOurs = (route: ActualRoute): boolean => route.metric === ROUTE_METRIC;

function isSame(route: Route, standing: ActualRoute | undefined): boolean {
  return standing?.via === route.via && standing.mtuBytes === route.mtuBytes;
}
