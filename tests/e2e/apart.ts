/** Ending peerings, and what would be left of them, for tests that start from two clusters which do not know each other. */
import { expect } from 'vitest';
import { type Json, type TestCluster, until } from './bed.ts';

/** Everything of Tombolo that a peering makes on a cluster, by kind and name; empty when nothing is left. */
export async function leftovers(cluster: TestCluster): Promise<string[]> {
  const kinds = ['peers', 'virtualnodes', 'grants', 'namespaceclaims', 'offloadings'].map(
    (kind) => `${kind}.tombolo.io`,
  );
  const objects = await cluster.json(['get', kinds.join(','), '-A']);
  const namespaces = await cluster.json('get namespaces');
  const secrets = await cluster.json('-n tombolo-system get secrets');
  const nodes = await cluster.json('get nodes -l tombolo.io/peer');
  return [
    ...objects['items'].map((item: Json) => `${item['kind']}/${item['metadata'].name}`),
    ...namespaces['items']
      .filter(
        (item: Json) =>
          item['metadata'].labels?.['tombolo.io/origin'] !== undefined ||
          item['metadata'].name.startsWith('tombolo-tenant-'),
      )
      .map((item: Json) => `Namespace/${item['metadata'].name}`),
    ...secrets['items']
      .filter(
        (item: Json) =>
          item['metadata'].name.startsWith('tombolo-peer-') || item['metadata'].name.startsWith('tombolo-redeem-'),
      )
      .map((item: Json) => `Secret/${item['metadata'].name}`),
    ...nodes['items'].map((item: Json) => `Node/${item['metadata'].name}`),
  ];
}

/** Ends a peering from that side, where there is one. */
export async function unpeer(cluster: TestCluster, name: string, ...flags: string[]): Promise<void> {
  if ((await cluster.find(['get', 'peer', name])) === undefined) return;
  const outcome = await cluster.tombolo(['unpeer', name, '--yes', ...flags]);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
}

/** Two clusters that do not know each other, whatever was before. */
export async function apart(milan: TestCluster, rome: TestCluster): Promise<void> {
  for (const cluster of [milan, rome]) {
    await cluster.try('delete namespace -l tombolo.io/offload=true --timeout=60s', { timeoutMs: 70_000 });
  }
  await unpeer(milan, 'rome');
  await unpeer(rome, 'milan');
  for (const cluster of [milan, rome])
    await until(`${cluster.name} is clean`, async () => (await leftovers(cluster)).length === 0 || false, 60_000);
}
