import { isIPv6 } from 'node:net';

/**
 * Lines for `ip -batch` that give `device` these addresses and no other. Pure. All are single hosts: what is reachable
 * is said by routes alone.
 * @param actual with prefix length, as `10.200.0.11/32`
 */
export function planAddresses(device: string, desired: readonly string[], actual: readonly string[]): string[] {
  const wanted = desired.map((address) => `${address}/${isIPv6(address) ? 128 : 32}`);
  const standing = new Set(actual);
  // Surplus goes first: the address that stands longest is the primary one, which masquerading takes.
  return [
    ...actual.filter((address) => !wanted.includes(address)).map((address) => `addr del ${address} dev ${device}`),
    ...wanted
      .filter((address) => !standing.has(address))
      // No other end can have it, and an address that is still being checked is no source.
      .map((address) => `addr add ${address} dev ${device}${isIPv6(address.split('/')[0] ?? '') ? ' nodad' : ''}`),
  ];
}
