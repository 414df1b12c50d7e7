import type { Bed, Json, TestCluster } from './bed.ts';

/**
 * Runs `work` while nothing that `match` says passes between the nodes of the two clusters: packets are lost, no connection
 * is refused. This machine still reaches both.
 * @param match part of an nftables rule; empty: everything
 */
export async function without(
  match: string,
  { bed, milan, rome }: { bed: Bed; milan: TestCluster; rome: TestCluster },
  work: () => Promise<void>,
): Promise<void> {
  const table = 'test_apart';
  const sides = await Promise.all([milan, rome].map(async (cluster) => ({ cluster, nodes: await nodesOf(cluster) })));
  const everyNode = async (text: (others: string) => string) => {
    for (const { cluster, nodes } of sides) {
      const others = sides.filter((side) => side.cluster !== cluster).flatMap((side) => [...side.nodes.values()]);
      for (const node of nodes.keys()) {
        const outcome = await bed.control(['exec', `${cluster.name}/${node}`, '--', 'nft', text(others.join(', '))]);
        if (outcome.code !== 0) throw new Error(`nft on ${node}: ${outcome.stderr}`);
      }
    }
  };
  const rules = (others: string) =>
    [
      `add table ip ${table}`,
      ...['prerouting', 'postrouting'].flatMap((hook) => [
        `add chain ip ${table} ${hook} { type filter hook ${hook} priority -350; }`,
        `add rule ip ${table} ${hook} ${match} ip saddr { ${others} } drop`,
        `add rule ip ${table} ${hook} ${match} ip daddr { ${others} } drop`,
      ]),
    ].join('\n');
  try {
    await everyNode(rules);
    await work();
  } finally {
    await everyNode(() => `add table ip ${table}; delete table ip ${table}`);
  }
}

/** Real nodes and their addresses. */
async function nodesOf(cluster: TestCluster): Promise<Map<string, string>> {
  const { items } = await cluster.json('get nodes -l !tombolo.io/peer');
  return new Map(
    items.map(({ metadata, status }: Json) => [
      metadata.name,
      status.addresses.find((entry: Json) => entry['type'] === 'InternalIP').address,
    ]),
  );
}
