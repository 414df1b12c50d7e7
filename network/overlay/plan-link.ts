import type { Link } from './actual.ts';
import { OverlayError } from './errors.ts';
import { overlayMac } from './mac.ts';
import type { OverlayDevice } from './state.ts';

/**
 * Link group of our devices, by which we know them again: unlike an alias it is set in the very call that makes the
 * link, so that no crash leaves one of ours without it. Any number that nobody else uses will do.
 */
export const LINK_GROUP = '51840';

/**
 * Lines for `ip -batch` that turn the link of our name into `device`. Pure; links of others are never part of it. What
 * cannot be changed on a standing VXLAN makes a new one. A new link is set up by the plan after it, which sees what
 * the kernel gave it.
 * @throws OverlayError `OverlayLinkForeign`, `OverlayPortTaken`
 */
export function planLink(device: OverlayDevice, links: readonly Link[]): string[] {
  const { name, vni, port, local, mtuBytes } = device;
  const mac = overlayMac(local);
  const standing = links.find((link) => link.name === name);
  if (standing !== undefined && !isOurs(standing)) throw foreign(standing);
  refuseTakenPort(device, links);

  const add =
    `link add ${name} mtu ${mtuBytes} address ${mac} group ${LINK_GROUP} ` +
    `type vxlan id ${vni} local ${local} dstport ${port} nolearning`;
  if (standing === undefined) return [add];
  const { vxlan } = standing;
  const isSame = vxlan?.vni === vni && vxlan.port === port && vxlan.local === local && !vxlan.learns;
  if (!isSame) return [`link del ${name}`, add];
  return [
    ...(standing.mtuBytes === mtuBytes ? [] : [`link set ${name} mtu ${mtuBytes}`]),
    ...(standing.mac === mac ? [] : [`link set ${name} address ${mac}`]),
    // A link-local address nobody uses would send router and neighbour solicitations into the overlay.
    ...([undefined, 'none'].includes(standing.ipv6AddressMode) ? [] : [`link set ${name} addrgenmode none`]),
    ...(standing.isUp ? [] : [`link set ${name} up`]),
  ];
}

/** Whether we made that link. */
export function isOurs(link: Link): boolean {
  return link.kind === 'vxlan' && link.group === LINK_GROUP;
}

function foreign({ name, kind = 'hardware' }: Link): OverlayError {
  return new OverlayError('OverlayLinkForeign', {
    attempted: 'make the overlay device',
    where: name,
    why: `a link of that name (${kind}) stands there and is not ours`,
  });
}

/** Two VXLANs on one port share a socket: each would see the other's packets, and our rules would drop them. */
function refuseTakenPort({ port }: OverlayDevice, links: readonly Link[]): void {
  const other = links.find((link) => link.vxlan?.port === port && !isOurs(link));
  if (other === undefined) return;
  throw new OverlayError('OverlayPortTaken', {
    attempted: 'make the overlay device',
    where: `UDP port ${port}`,
    why: `the VXLAN ${other.name} has it, and is not ours`,
  });
}
