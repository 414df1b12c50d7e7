import { BITS, formatAddress, formatCidr, readAddress, readCidr } from '#network/cidr';
import type { WireguardConfig } from './config.ts';
import { WireguardError } from './errors.ts';
import { publicKeyOf } from './keys.ts';

/** Linux: IFNAMSIZ is 16 with the ending zero. The name also becomes part of a socket's path. */
const DEVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/;

/** Smallest that IPv6 allows (RFC 8200 section 5). */
const MIN_MTU_BYTES = 1280;

/**
 * Refuses what a device would take in silence and then hold differently, which would be found as drift for ever.
 * @throws WireguardError `WireguardConfigInvalid`
 */
export function checkConfig(device: string, config: WireguardConfig): void {
  const refuse = (why: string): never => {
    throw new WireguardError('WireguardConfigInvalid', { attempted: 'configure WireGuard', where: device, why });
  };
  if (!isWhole(config.listenPort, 1, 65_535)) refuse(`the listen port ${config.listenPort} is not within 1–65535`);
  if (!isWhole(config.mtuBytes, MIN_MTU_BYTES, 65_535)) refuse(`the MTU ${config.mtuBytes} is not within 1280–65535`);
  if (!isWhole(config.firewallMark ?? 0, 0, 2 ** 32 - 1)) refuse(`the mark ${config.firewallMark} is not 32 bits wide`);
  for (const address of config.addresses) {
    if (!isHostAddress(address)) refuse(`the address "${address}" is not a canonical CIDR`);
  }
  const own = publicKeyOf(config.privateKey);
  const holders = new Map<string, string>();
  const seen = new Set<string>();
  for (const { publicKey, endpoint, allowedIps, keepaliveSeconds = 0 } of config.peers) {
    if (publicKey === own) refuse(`the peer ${publicKey} has our own key`);
    if (seen.has(publicKey)) refuse(`the peer ${publicKey} is there twice`);
    seen.add(publicKey);
    if (endpoint !== undefined && !isEndpoint(endpoint)) {
      refuse(`the endpoint "${endpoint}" of ${publicKey} is not a canonical ADDRESS:PORT`);
    }
    if (!isWhole(keepaliveSeconds, 0, 65_535))
      refuse(`the keepalive ${keepaliveSeconds} of ${publicKey} is not within 0–65535`);
    for (const range of allowedIps) {
      if (!isRange(range)) refuse(`the range "${range}" of ${publicKey} is not a canonical CIDR`);
      const holder = holders.get(range);
      if (holder !== undefined) refuse(`the range ${range} is asked for ${holder} and for ${publicKey}`);
      holders.set(range, publicKey);
    }
  }
}

/** @throws WireguardError `WireguardConfigInvalid` */
export function checkDeviceName(name: string): void {
  if (DEVICE_NAME.test(name)) return;
  throw new WireguardError('WireguardConfigInvalid', {
    attempted: 'open a WireGuard device',
    where: JSON.stringify(name),
    why: 'an interface name has 1–15 letters, digits, "_", "." or "-"',
  });
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

/** `192.0.2.1:51820` or `[2001:db8::1]:51820`, spelled as devices print it. */
function isEndpoint(text: string): boolean {
  const match = /^(?:\[([0-9a-f:]+)\]|([0-9.]+)):([1-9]\d{0,4})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535) return false;
  return isCanonical(match[1] ?? match[2] ?? '');
}

/** Devices print addresses as RFC 5952 says, and take an IPv4 address inside of IPv6 for IPv4. */
function isCanonical(text: string): boolean {
  const address = readAddress(text);
  return address !== undefined && formatAddress(address) === text && !(address.family === 6 && text.includes('.'));
}

function isRange(text: string): boolean {
  const range = readCidr(text);
  return range !== undefined && formatCidr(range) === text && isCanonical(text.slice(0, text.indexOf('/')));
}

function isHostAddress(text: string): boolean {
  const [address = '', length = '', ...more] = text.split('/');
  const bits = BITS[address.includes(':') ? 6 : 4];
  return more.length === 0 && isCanonical(address) && /^(?:0|[1-9]\d{0,2})$/.test(length) && Number(length) <= bits;
}
