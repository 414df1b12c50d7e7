/**
 * The gateway of a cluster: one tunnel device for all peers, translation of addresses in front of it, and the end of the
 * overlay that nodes send to.
 *
 * Replicas choose the one that forwards; it probes all peers and says on the Peers how the tunnels are. Plans are pure;
 * one loop applies them whole, again and again. Touches the network namespace of its own pod and no other.
 */
export type { GatewayDeps } from './gateway-deps.ts';
export { type GatewayMetrics, gatewayMetrics } from './metrics.ts';
export { OVERLAY_DEVICE, OVERLAY_VNI } from './plan-gateway.ts';
export { runGateway } from './run-gateway.ts';
