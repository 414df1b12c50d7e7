import { isIP } from 'node:net';
import { OverlayError } from './errors.ts';
import type { OverlayState } from './state.ts';

/** IFNAMSIZ is 16 with the closing zero; white space and comment signs would begin another word of a batch. */
const DEVICE = /^[^\s/#"'\\:@]{1,15}$/;

/**
 * Refuses what must not become a word of a batch line.
 * @throws OverlayError `OverlayStateInvalid`
 */
export function checkState({ device, remotes, routes: plain, forwarded }: OverlayState): void {
  const routes = [...plain, ...(forwarded?.routes ?? [])];
  const addresses = [
    device.local,
    ...device.addresses,
    ...remotes.flatMap((remote) => [remote.underlay, ...remote.addresses]),
    ...routes.map((route) => route.via),
  ];
  const numbers = [
    [device.vni, 2 ** 24 - 1],
    [device.port, 65_535],
    ...[device.mtuBytes, ...routes.flatMap(({ mtuBytes }) => mtuBytes ?? [])].map((bytes) => [bytes, 65_535] as const),
  ] as const;
  for (const name of [device.name, forwarded?.from ?? device.name])
    if (!DEVICE.test(name)) throw invalid('device', name);
  for (const address of addresses) if (!isAddress(address)) throw invalid('address', address);
  for (const { destination } of routes) if (!isRange(destination)) throw invalid('range', destination);
  for (const [value, most] of numbers) {
    if (!Number.isInteger(value) || value < 1 || value > most) throw invalid('number', String(value));
  }
}

/** Zones are no part of it: the device is ours. */
function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

function isRange(text: string): boolean {
  const [address = '', length, ...rest] = text.split('/');
  return isAddress(address) && rest.length === 0 && (length === undefined || /^\d{1,3}$/.test(length));
}

function invalid(what: string, value: string): OverlayError {
  const why = `not a usable ${what}`;
  return new OverlayError('OverlayStateInvalid', { attempted: 'set up the overlay', where: `"${value}"`, why });
}
