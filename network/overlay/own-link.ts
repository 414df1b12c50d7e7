import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { OverlayError } from './errors.ts';

/**
 * MTU, in bytes, of the link of this network namespace that has `address`.
 * @throws OverlayError `OverlayStateInvalid` where no link has it
 */
export async function linkMtu(address: string): Promise<number> {
  return Number(await readFile(`/sys/class/net/${linkOf(address, 'find the MTU of a link')}/mtu`, 'utf8'));
}

/**
 * Number of the other end of that link: for the link of a pod a number of its node.
 * @throws OverlayError `OverlayStateInvalid` where no link has the address
 */
export async function linkPeer(address: string): Promise<number> {
  return Number(await readFile(`/sys/class/net/${linkOf(address, 'find the other end of a link')}/iflink`, 'utf8'));
}

function linkOf(address: string, attempted: string): string {
  const found = Object.entries(networkInterfaces()).find(([, entries]) =>
    entries?.some((entry) => entry.address === address),
  );
  if (found !== undefined) return found[0];
  const facts = { attempted, where: address, why: 'no link of this host has that address' };
  throw new OverlayError('OverlayStateInvalid', facts);
}
