/**
 * Who may exchange packets with whom inside this cluster, now that it runs pods of others: addresses of twins, and what
 * this cluster offers to whom.
 *
 * Reads objects alone, and is used by the agents, which enforce it on the nodes, by the gateway, which does between
 * clusters, and by the controller, which writes the NetworkPolicies. Never touches a host.
 */
export { isolationMembers, isolationState, type IsolationFacts, ownersOf } from './isolation-facts.ts';
export { type Offer, OFFER_SELECTOR, offersOf, openPorts } from './offered-services.ts';
export { type PolicyDeps, runPolicies } from './run-policies.ts';
export { trimNodeToAddresses, trimToAddresses } from './trim.ts';
