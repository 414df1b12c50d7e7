import { access, readFile } from 'node:fs/promises';
import { CommandError } from '#pkg/runtime';
import { WireguardError } from './errors.ts';
import type { HostCommand } from './host.ts';

/** linux/capability.h */
const CAP_NET_ADMIN = 12n;

/** `processStatus`: text of `/proc/self/status`. @throws WireguardError `MissingCapability` */
export async function requireNetAdmin(
  device: string,
  processStatus: () => Promise<string> = () => readFile('/proc/self/status', 'utf8'),
): Promise<void> {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(await processStatus())?.[1] ?? '0';
  if ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) return;
  throw new WireguardError('MissingCapability', {
    attempted: 'open a WireGuard device',
    where: device,
    why: 'this process has not the capability NET_ADMIN',
  });
}

/** @throws WireguardError `MissingTunDevice` */
export async function requireTunDevice(device: string, path = '/dev/net/tun'): Promise<void> {
  try {
    await access(path);
  } catch (cause) {
    const facts = { attempted: 'open a userspace WireGuard device', where: device, why: `there is no ${path}` };
    throw new WireguardError('MissingTunDevice', facts, { cause });
  }
}

/** @throws WireguardError `MissingWireguardTools` */
export async function requireWgTool(run: HostCommand, device: string, signal: AbortSignal): Promise<void> {
  try {
    await run('wg', ['--version'], { signal });
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    const facts = { attempted: 'open a WireGuard device of the kernel', where: device, why: cause.why };
    throw new WireguardError('MissingWireguardTools', facts, { cause });
  }
}
