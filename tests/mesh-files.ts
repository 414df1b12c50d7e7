/** Tests for the bed with a third cluster and two nodes each: what is about nodes, several peers, and finding them. */
export const MESH_FILES = [
  'tests/e2e/{network,discovery}/*.cluster.test.ts',
  'tests/e2e/offloading-peers.cluster.test.ts',
];
