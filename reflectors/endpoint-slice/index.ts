/**
 * EndpointSlices: endpoints of a Service that are not at the provider, under the addresses by which it reaches them.
 *
 * They stand in slices beside those that the provider's own controller makes of the twin's pods, under a manager's name
 * that this controller leaves alone. Pure arithmetic over slices: which addresses lead where is handed in, and nothing is
 * ever made up for an address without an answer. What places an endpoint inside its own cluster (node, zone, hints, target)
 * never travels.
 */
export { SLICE_MANAGER, twinSliceName } from './slice-identity.ts';
export { type ProviderView, twinSlices } from './twin-slices.ts';
