import { access, readFile } from 'node:fs/promises';
import { WireguardError } from './errors.ts';

/** linux/capability.h */
const CAP_NET_ADMIN = 12n;

/** Where the facts about this process and host are read; tests hand in their own. */
export interface HostFacts {
  /** Text of `/proc/self/status`. */
  readonly processStatus: () => Promise<string>;
  readonly hasTunDevice: () => Promise<boolean>;
}

export const realHostFacts: HostFacts = {
  processStatus: () => readFile('/proc/self/status', 'utf8'),
  hasTunDevice: () =>
    access('/dev/net/tun').then(
      () => true,
      () => false,
    ),
};

/** @throws WireguardError `MissingCapability` */
export async function requireNetAdmin(device: string, facts: HostFacts = realHostFacts): Promise<void> {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(await facts.processStatus())?.[1] ?? '0';
  if ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) return;
  throw new WireguardError('MissingCapability', {
    attempted: 'open a WireGuard device',
    where: device,
    why: 'this process has not the capability NET_ADMIN',
  });
}

/** @throws WireguardError `MissingTunDevice` */
export async function requireTunDevice(device: string, facts: HostFacts = realHostFacts): Promise<void> {
  if (await facts.hasTunDevice()) return;
  throw new WireguardError('MissingTunDevice', {
    attempted: 'open a userspace WireGuard device',
    where: device,
    why: 'there is no /dev/net/tun',
  });
}
