/**
 * The overlay of one cluster: a VXLAN device on each node and in the gateway pods, and routes over it by range.
 *
 * Planners turn a desired state and what the host has into lines for `ip` and `bridge`; `Overlay` runs them. Knows
 * addresses and ranges, no Kubernetes; filters and translates nothing, and never touches a link, route or neighbour of a
 * device that is not its own.
 */
export { OverlayError } from './errors.ts';
export { innerMtu, overlayMtu, tunnelMtu } from './mtu.ts';
export { ROUTE_METRIC, ROUTE_PROTOCOL, withLength } from './our-routes.ts';
export { Overlay, type OverlayOptions } from './overlay.ts';
export { linkMtu, linkPeer } from './own-link.ts';
export type { OverlayDevice, OverlayState, Remote, Route } from './state.ts';
export type { Sysctls } from './sysctls.ts';
