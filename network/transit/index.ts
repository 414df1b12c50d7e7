/**
 * Transit: packets between two peers that share an offloaded namespace of this cluster and do not reach each other.
 *
 * Decides who is told of whose ranges, and what is believed of what a peer tells. Each path has aliases of its own, chosen
 * and kept like those of the peer that leads there. Pure; never writes an object, never touches a host.
 */
export { isTransitAllowed } from './allowed.ts';
export { fingerprintOf } from './fingerprint.ts';
export { companionsOf, pathsOf, tellsOf } from './paths.ts';
export { acceptTransit, transitFor } from './ranges.ts';
export { partnersOf, type SharedGroup, sharedGroups } from './shared-groups.ts';
