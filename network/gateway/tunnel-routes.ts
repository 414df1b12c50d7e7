import { ROUTE_METRIC, ROUTE_PROTOCOL, withLength } from '#network/overlay';
import { runCommand } from '#pkg/runtime';
import type { TunnelPeer } from './plan-peers.ts';

interface ListedRoute {
  readonly dst: string;
  readonly protocol?: string;
  readonly metrics?: readonly { readonly mtu?: number }[];
}

export interface TunnelRoute {
  /** A range, with its length. */
  readonly destination: string;
  /** Absent: as much as the device carries. */
  readonly mtuBytes?: number;
}

/**
 * Which ranges go into the tunnel, each with the MTU of the path to its peer, from which the kernel makes the error for the
 * sender and the limit of a new connection. The gateway of a peer has a route of its own without one: the kernel would cut
 * larger probes, and what arrives in pieces says nothing. Pure.
 */
export function tunnelRoutes(peers: readonly TunnelPeer[], pathMtus: ReadonlyMap<string, number>): TunnelRoute[] {
  return peers.flatMap(({ name, nat, probeAddress }) => {
    const mtuBytes = pathMtus.get(name);
    return [
      ...nat.ranges.map((destination) => ({ destination, ...(mtuBytes !== undefined && { mtuBytes }) })),
      ...(probeAddress === undefined ? [] : [{ destination: withLength(probeAddress) }]),
    ];
  });
}

/**
 * Lines for `ip -batch` that make the routes of `device` be these. Pure; new ones come first.
 * @param standing routes of `device`, without the kernel's own
 */
export function planTunnelRoutes(
  device: string,
  routes: readonly TunnelRoute[],
  standing: readonly TunnelRoute[],
): string[] {
  const wanted = new Map(routes.map((route) => [route.destination, route]));
  const there = new Map(standing.map((route) => [route.destination, route]));
  const isSame = (route: TunnelRoute) => there.get(route.destination)?.mtuBytes === route.mtuBytes;
  return [
    ...[...wanted.values()]
      .filter((route) => !there.has(route.destination) || !isSame(route))
      .map(({ destination, mtuBytes }) => {
        const mtu = mtuBytes === undefined ? '' : ` mtu ${mtuBytes}`;
        return `route replace ${destination} dev ${device} proto ${ROUTE_PROTOCOL} metric ${ROUTE_METRIC}${mtu}`;
      }),
    ...standing
      .filter(({ destination }) => !wanted.has(destination))
      .map(({ destination }) => `route del ${destination} dev ${device}`),
  ];
}

/**
 * Makes the routes of the tunnel device be these. Idempotent; routes of other devices are not looked at.
 * @returns what was done, a line each
 * @throws CommandError
 */
export async function applyTunnelRoutes(
  device: string,
  routes: readonly TunnelRoute[],
  signal: AbortSignal,
  run: typeof runCommand = runCommand,
): Promise<string[]> {
  const standing: TunnelRoute[] = [];
  for (const family of ['-4', '-6']) {
    const { stdout } = await run('ip', ['-json', family, 'route', 'show', 'dev', device], { signal });
    const listed = stdout.trim() === '' ? [] : (JSON.parse(stdout) as ListedRoute[]);
    standing.push(...listed.filter(({ protocol }) => protocol !== 'kernel').map(toRoute));
  }
  const lines = planTunnelRoutes(device, routes, standing);
  if (lines.length > 0) await run('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n`, signal });
  return lines;
}

function toRoute({ dst, metrics = [] }: ListedRoute): TunnelRoute {
  const mtuBytes = metrics.find(({ mtu }) => mtu !== undefined)?.mtu;
  return { destination: withLength(dst), ...(mtuBytes !== undefined && { mtuBytes }) };
}
