import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Kernel settings by their path below /proc/sys (`net/ipv4/ip_forward`): device names may hold dots. */
export interface Sysctls {
  /** Without the newline; `undefined` where this kernel has no such setting. */
  read(key: string): Promise<string | undefined>;
  write(key: string, value: string): Promise<void>;
}

/** Those of the network namespace in which this process runs. */
export const procSysctls: Sysctls = {
  async read(key) {
    try {
      return (await readFile(join('/proc/sys', key), 'utf8')).trim();
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw cause;
    }
  },
  write: (key, value) => writeFile(join('/proc/sys', key), value),
};

/**
 * What the overlay needs. Packets come in by one device and leave by the same one to another end, which looks like a
 * detour to the kernel: it must not say so to senders, nor believe others who do. Addresses of peers have their way back
 * through it, whatever the reverse path says. For rp_filter the kernel takes the larger one of `all` and the device's.
 */
export function deviceSysctls(device: string): Map<string, string> {
  const names = ['send_redirects', 'accept_redirects', 'rp_filter'];
  return new Map([
    ...['all', device].flatMap((where) => names.map((name) => [`net/ipv4/conf/${where}/${name}`, '0'] as const)),
    [`net/ipv6/conf/${device}/accept_redirects`, '0'],
  ]);
}
