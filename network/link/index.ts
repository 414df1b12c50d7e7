/**
 * Links: what two clusters tell each other about their networks, and what each makes of it.
 *
 * Both write their half into one object in the tenant namespace, choose aliases for what the other announced, and keep
 * them in the status of the Peer, from where everybody else reads. Never touches a host.
 */
export { expireNetworkReady } from './expire-ready.ts';
export { isAboutRanges, writeNetworkReady } from './network-ready.ts';
export { type RunLinksDeps, runLinks } from './run-links.ts';
