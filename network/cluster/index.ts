/**
 * This cluster's own network, as its controller keeps it: whether its ranges can be used, the key of its gateway, where
 * peers dial it, and the address of each node by which peers know its host.
 *
 * Works on objects alone; never touches a host, and says nothing to peers: that is `network/link`.
 */
export { GATEWAY_KEY_FILE } from './gateway-key.ts';
export { isReal } from './node-anchors.ts';
export { problemOf } from './own-ranges.ts';
export { type ClusterNetworkRunDeps, runClusterNetwork } from './run-cluster-network.ts';
