import { covers, readCidr } from '#network/cidr';
import type { DeviceRoute } from './actual.ts';
import { OverlayError } from './errors.ts';
import { ROUTE_METRIC, withLength } from './our-routes.ts';
import type { Route } from './state.ts';

/**
 * The error that names a route of somebody else which takes packets of ours away: of one of our ranges with a better metric,
 * or of a part of it. Ours stand beside it, and take over when it goes. Pure.
 */
export function foreignRoute(
  device: string,
  desired: readonly Route[],
  all: readonly DeviceRoute[],
): OverlayError | undefined {
  const ranges = desired.flatMap(({ destination }) => readCidr(withLength(destination)) ?? []);
  const found = all.find((route) => {
    const range = route.device === device ? undefined : readCidr(withLength(route.destination));
    if (range === undefined) return false;
    return ranges.some(
      (ours) => covers(ours, range) && (range.prefixLength > ours.prefixLength || route.metric < ROUTE_METRIC),
    );
  });
  if (found === undefined) return undefined;
  const way = [found.via && `via ${found.via}`, found.device && `dev ${found.device}`].filter(Boolean).join(' ');
  return new OverlayError('OverlayRouteForeign', {
    attempted: 'lead packets for peers to the gateway',
    where: `route ${found.destination} ${way}`.trim(),
    why: 'it is not ours and takes them another way',
  });
}
