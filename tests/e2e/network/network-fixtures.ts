/** What tests of the network share: pods that answer, a look at nodes and gateways, and how the other side sees an address. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bed, type Json, type TestCluster, until } from '../bed.ts';
import { AGNHOST, BUSYBOX, condition, type Offloaded } from '../peered.ts';

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

/** Name of the gateway pod that forwards. */
export async function activeGateway(cluster: TestCluster): Promise<string> {
  return (await activeGatewayPod(cluster))['metadata'].name;
}

/** The pod that the Lease names. */
export async function activeGatewayPod(cluster: TestCluster): Promise<Json> {
  const lease = await cluster.json('-n tombolo-system get lease tombolo-gateway');
  const pods = await cluster.json('-n tombolo-system get pods -l tombolo.io/component=gateway');
  const found = pods['items'].find((pod: Json) => pod['metadata'].uid === lease['spec'].holderIdentity);
  if (found === undefined) throw new Error('the holder of the lease is no pod');
  return found;
}

export async function onNode(bed: Bed, cluster: string, node: string, script: string): Promise<string> {
  const outcome = await bed.control(['exec', `${cluster}/${node}`, '--', 'sh', '-c', script]);
  if (outcome.code !== 0) throw new Error(`${node}: ${outcome.stderr}`);
  return outcome.stdout;
}

/** Milliseconds between two pings of {@link startPings}. */
export const PING_EVERY_MS = 200;

/**
 * Has the shell of `pod` ping an address five times a second, until the function that it returns is called. That one tells how
 * many in a row were not answered at worst, and what ping said.
 */
export async function startPings(
  cluster: TestCluster,
  shop: Offloaded,
  pod: string,
  address: string,
): Promise<() => Promise<{ missed: number; output: string }>> {
  const box = (command: string) =>
    cluster.kubectl(['-n', shop.name, 'exec', pod, '-c', 'box', '--', 'sh', '-c', command]);
  await box(`ping -i ${PING_EVERY_MS / 1000} ${address} > /tmp/ping 2>&1 &`);
  return async () => {
    const output = await box('killall -INT ping; sleep 0.2; cat /tmp/ping');
    return { missed: longestGap(output), output: `${pod}: ${output.slice(-2_000)}` };
  };
}

/** Most echo requests in a row that were not answered. */
function longestGap(output: string): number {
  const answered = [...output.matchAll(/ seq=(\d+) /g)]
    .map(([, sequence]) => Number(sequence))
    .toSorted((a, b) => a - b);
  const sent = Number(/(\d+) packets transmitted/.exec(output)?.[1]);
  // One that was sent at the very end may be under way.
  const all = [-1, ...answered, Math.max(sent - 1, answered.at(-1) ?? 0)];
  return Math.max(...all.slice(1).map((sequence, index) => sequence - (all[index] ?? 0) - 1));
}

/**
 * Has the next pod of a node get that address, where it is free: host-local hands addresses out in a circle, after the last one.
 * @param node `node1` and so on
 */
export async function giveNext(bed: Bed, cluster: string, node: string, address: string): Promise<void> {
  const before = address.replace(/\d+$/, (host) => String(Number(host) - 1));
  await writeFile(join(addressFolder(bed, cluster, node), 'last_reserved_ip.0'), before);
}

/** Has a file for each address of the node that is in use. */
export function addressFolder(bed: Bed, cluster: string, node: string): string {
  return join(bed.folder, cluster, node, 'ipam/testbed');
}
