import { isIPv4, isIPv6 } from 'node:net';
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
    if (!isPrefix(address, { hostPart: true })) refuse(`the address "${address}" is not a canonical CIDR`);
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
      if (!isPrefix(range, { hostPart: false })) refuse(`the range "${range}" of ${publicKey} is not a canonical CIDR`);
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
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):([1-9]\d{0,4})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535) return false;
  const [, v6, v4] = match;
  return v6 === undefined ? isIPv4(v4 ?? '') : canonicalIpv6(v6) === v6;
}

function isPrefix(text: string, { hostPart }: { readonly hostPart: boolean }): boolean {
  const match = /^([0-9a-f.:]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  if (match === null) return false;
  const [, address = '', digits] = match;
  const length = Number(digits);
  const bits = isIPv4(address) ? ipv4Bits(address) : canonicalIpv6(address) === address ? ipv6Bits(address) : '';
  return length <= bits.length && bits !== '' && (hostPart || !bits.slice(length).includes('1'));
}

/** RFC 5952, by the URL parser, which writes hosts so. */
function canonicalIpv6(address: string): string | undefined {
  return isIPv6(address) && !address.includes('.') ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : undefined;
}

function ipv4Bits(address: string): string {
  return address
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
}

function ipv6Bits(address: string): string {
  const [head = '', tail] = address.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const left = groups(head);
  const right = groups(tail ?? '');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
    .join('');
}
