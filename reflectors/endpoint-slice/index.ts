/**
 * EndpointSlices: endpoints of a Service that are not at the provider, under the addresses that they have at home.
 *
 * What this side writes is no slice of a Service yet: the provider's controller makes that from it, with the addresses by
 * which it reaches them (`pkg/slices`), since only there can be judged whether an address is the consumer's to name. What
 * places an endpoint inside its own cluster (node, zone, hints, target) never travels.
 */
export { type EndpointSliceView, endpointSliceReflector } from './endpoint-slice-reflector.ts';
