/**
 * Discovered clusters: what sources of `pkg/discovery` see, as objects with a state.
 *
 * The controller keeps those of DNS and judges all; agents keep those of their links. Dials nothing: what may be dialled
 * is only told, and a person or a rule has to want it.
 */
export { type Found, findDiscovered } from './find.ts';
export { reportNeighbours, type ReportOptions } from './report-neighbours.ts';
export { runDiscovery, type RunDiscoveryOptions } from './run-discovery.ts';
