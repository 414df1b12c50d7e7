import { isIP } from 'node:net';
import { CliError } from '../../errors.ts';

/**
 * Refuses addresses that mean another machine everywhere else: loopback, link-local and unspecified ones.
 * @param address host:port or a URL
 * @throws CliError `LocalAddress`
 */
export function refuseLocalAddress(flag: string, address: string): void {
  const host = new URL(address.includes('://') ? address : `tcp://${address}`).hostname.replaceAll(/^\[|\]$/g, '');
  if (!isLocal(host.toLowerCase())) return;
  throw new CliError('LocalAddress', {
    attempted: 'check the addresses',
    where: `${flag} ${address}`,
    why: `${host} means this machine only; peers would dial themselves`,
  });
}

function isLocal(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  if (isIP(host) === 4) return /^(127\.|0\.|169\.254\.)/.test(host);
  if (isIP(host) === 6)
    return host === '::1' || host === '::' || /^fe[89ab]/.test(host) || host.startsWith('::ffff:7f');
  return false;
}
