import { CommandError } from '#pkg/runtime';
import { WireguardError } from './errors.ts';
import { type HostCommand, hostError } from './host.ts';

/** An interface as `ip` describes it. */
export interface LinkState {
  /** `wireguard` from the kernel, `tun` with a program behind it, or anything else. */
  readonly kind: string;
  readonly isUp: boolean;
  readonly mtuBytes: number;
  /** CIDR with host part; link-local ones that the kernel made itself are left out. */
  readonly addresses: readonly string[];
}

export interface LinkWish {
  readonly mtuBytes: number;
  readonly addresses: readonly string[];
}

/** Lines for `ip -batch` that turn `actual` into `desired`. New addresses come first, so that one is always there. */
export function planLink(name: string, desired: LinkWish, actual: LinkState): string[] {
  const wanted = new Set(desired.addresses);
  const standing = new Set(actual.addresses);
  return [
    ...(desired.mtuBytes === actual.mtuBytes ? [] : [`link set dev ${name} mtu ${desired.mtuBytes}`]),
    // Duplicate address detection means nothing on a link without neighbours and would hold the address back for a second.
    ...desired.addresses
      .filter((address) => !standing.has(address))
      .map((address) => `address replace ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`),
    ...actual.addresses
      .filter((address) => !wanted.has(address))
      .map((address) => `address del ${address} dev ${name}`),
    ...(actual.isUp ? [] : [`link set dev ${name} up`]),
  ];
}

/** One fork where nothing differs, two otherwise. @throws WireguardError */
export async function applyLink(run: HostCommand, name: string, desired: LinkWish, signal: AbortSignal): Promise<void> {
  const actual = await readLink(run, name, signal);
  if (actual === undefined) {
    throw new WireguardError('DeviceUnavailable', {
      attempted: 'set up the interface',
      where: name,
      why: 'there is no such interface',
    });
  }
  const lines = planLink(name, desired, actual);
  if (lines.length === 0) return;
  try {
    await run('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n`, signal });
  } catch (cause) {
    throw hostError('set up the interface', name, cause);
  }
}

/** `undefined` where there is none of that name. @throws WireguardError */
export async function readLink(run: HostCommand, name: string, signal: AbortSignal): Promise<LinkState | undefined> {
  try {
    const { stdout } = await run('ip', ['-json', '-details', 'address', 'show', 'dev', name], { signal });
    return parseLink(stdout);
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw hostError('read the interface', name, cause);
  }
}

/**
 * Removes the interface; a program behind it ends by that. Nothing happens where there is none.
 * @throws WireguardError `DeviceBusy` where it is no WireGuard interface, and so not ours
 */
export async function removeLink(run: HostCommand, name: string, signal: AbortSignal): Promise<void> {
  const link = await readLink(run, name, signal);
  if (link === undefined) return;
  if (link.kind !== 'wireguard' && link.kind !== 'tun') throw foreignLink(name, link);
  try {
    await run('ip', ['link', 'delete', 'dev', name], { signal });
  } catch (cause) {
    // The program behind it may have ended meanwhile.
    if (!isAbsent(cause)) throw hostError('remove the interface', name, cause);
  }
}

export function foreignLink(name: string, { kind }: LinkState): WireguardError {
  return new WireguardError('DeviceBusy', {
    attempted: 'use the interface',
    where: name,
    why: `an interface of this name is there, of kind "${kind}" and not ours`,
  });
}

function isAbsent(cause: unknown): boolean {
  return cause instanceof CommandError && /does not exist|cannot find device/i.test(cause.stderr);
}

interface IpLink {
  readonly ifname?: string;
  readonly flags?: readonly string[];
  readonly mtu: number;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen: number; readonly protocol?: string }[];
}

function parseLink(json: string): LinkState | undefined {
  const link = (JSON.parse(json) as IpLink[]).find((entry) => entry.ifname !== undefined);
  if (link === undefined) return undefined;
  return {
    kind: link.linkinfo?.info_kind ?? 'none',
    isUp: link.flags?.includes('UP') ?? false,
    mtuBytes: link.mtu,
    addresses: (link.addr_info ?? [])
      .filter(({ local, protocol }) => local !== undefined && protocol !== 'kernel_ll' && !/^fe[89ab]/.test(local))
      .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
  };
}
