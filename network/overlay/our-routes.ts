import { isIPv6 } from 'node:net';

/** Routing protocol number of our routes, for people who look at them; above those that iproute2 has names for. */
export const ROUTE_PROTOCOL = 204;

/**
 * Nobody else's metric: `ip route replace` takes the place of a route with equal destination and metric on *any* device,
 * and would else overwrite a foreign one.
 */
export const ROUTE_METRIC = 51_840;

/** A destination with its prefix length: the kernel lists single addresses without. */
export function withLength(destination: string): string {
  if (destination.includes('/') || destination === 'default') return destination;
  return `${destination}/${isIPv6(destination) ? 128 : 32}`;
}
