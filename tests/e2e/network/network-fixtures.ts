/** What tests of the network share: pods that answer, a look at nodes and gateways, and how the other side sees an address. */
import { type Bed, type Json, type TestCluster, until } from '../bed.ts';
import { AGNHOST, BUSYBOX, condition } from '../peered.ts';

/** `main` answers by HTTP on 8080 and UDP on 8081, `box` has a shell. */
export const CONTAINERS = [
  { name: 'main', image: AGNHOST, args: ['netexec', '--http-port', '8080', '--udp-port', '8081'] },
  { name: 'box', image: BUSYBOX, command: ['sleep', '3600'] },
];

/** A pod on a real node of the consumer. */
export function homePod(name: string, nodeName: string): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { nodeName, containers: CONTAINERS } };
}

export async function realNodes(cluster: TestCluster): Promise<string[]> {
  const { items } = await cluster.json('get nodes -l !tombolo.io/peer');
  return items.map((node: Json) => node['metadata'].name as string).toSorted();
}

/** `192.0.2.1:80` without its port. */
export const addressIn = (text: string) => text.trim().replace(/:\d+$/, '');

/** How the peer sees an address: the alias range that it told, with the same host part (both are /16 or /20 here). */
export function aliasOf(address: string, aliases: readonly { original: string; alias: string }[]): string {
  const number = (text: string) => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  for (const { original, alias } of aliases) {
    const size = 2 ** (32 - Number(original.split('/')[1]));
    const [base, target] = [original, alias].map((range) => number(range.split('/')[0] ?? ''));
    const offset = number(address) - (base ?? 0);
    if (offset < 0 || offset >= size) continue;
    const value = (target ?? 0) + offset;
    return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
  }
  throw new Error(`${address} is in none of ${JSON.stringify(aliases)}`);
}

export async function networkReady(cluster: TestCluster, peer: string): Promise<Json | undefined> {
  return condition(await cluster.find(`get peer ${peer}`), 'NetworkReady');
}

/** Waits for the tunnel, for tests that need nothing else. */
export async function tunnelUp(milan: TestCluster): Promise<void> {
  await until('the tunnel is up', async () => (await networkReady(milan, 'rome'))?.['status'] === 'True', 60_000);
}

/** The gateway pod that forwards, as the Lease names it. */
export async function activeGateway(cluster: TestCluster): Promise<string> {
  const lease = await cluster.json('-n tombolo-system get lease tombolo-gateway');
  const pods = await cluster.json('-n tombolo-system get pods -l tombolo.io/component=gateway');
  const found = pods['items'].find((pod: Json) => pod['metadata'].uid === lease['spec'].holderIdentity);
  if (found === undefined) throw new Error('the holder of the lease is no pod');
  return found.metadata.name;
}

export async function onNode(bed: Bed, cluster: string, node: string, script: string): Promise<string> {
  const outcome = await bed.control(['exec', `${cluster}/${node}`, '--', 'sh', '-c', script]);
  if (outcome.code !== 0) throw new Error(`${node}: ${outcome.stderr}`);
  return outcome.stdout;
}
