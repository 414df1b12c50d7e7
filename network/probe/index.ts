/**
 * Probes: whether the gateway of each peer answers through the tunnel, how fast, and how much is lost (NET-25).
 *
 * Datagrams of its own instead of ICMP, since the answer shall come from the process that forwards, and since raw sockets
 * do not exist in Node. Decides nothing: whoever listens resets sessions and writes conditions. Knows no Kubernetes,
 * encrypts nothing (the tunnel does), and is never reached from outside of the tunnel.
 */
export { searchPathMtu } from './path-mtu.ts';
export type { ProbeState } from './peer-probes.ts';
export type { ProbeCounts } from './prober.ts';
export { PROBE_PORT, type Prober, type ProberOptions, startProber } from './start-prober.ts';
