import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { OverlayError } from './errors.ts';

/**
 * MTU, in bytes, of the link of this network namespace that has `address`.
 * @throws OverlayError `OverlayStateInvalid` where no link has it
 */
export async function linkMtu(address: string): Promise<number> {
  const found = Object.entries(networkInterfaces()).find(([, entries]) =>
    entries?.some((entry) => entry.address === address),
  );
  if (found === undefined) {
    const facts = { attempted: 'find the MTU of a link', where: address, why: 'no link of this host has that address' };
    throw new OverlayError('OverlayStateInvalid', facts);
  }
  return Number(await readFile(`/sys/class/net/${found[0]}/mtu`, 'utf8'));
}
