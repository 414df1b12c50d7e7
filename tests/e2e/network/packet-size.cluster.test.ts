import { describe, expect } from 'vitest';
import { type Bed, type Json, type TestCluster, until } from '../bed.ts';
import { type Offloaded, remotePod, test } from '../fixtures.ts';
import { activeGatewayPod, aliasOf, CONTAINERS, homePod, onNode, realNodes, tunnelUp } from './network-fixtures.ts';

/**
 * What a hop of 1,400 bytes leaves: 60 for IPv4, UDP and WireGuard, and the rest in whole units of 16. A router means it so;
 * a veth is silent, and lets four more pass, for a VLAN tag.
 */
const HOP_BYTES = 1_400;
const LEFT_BYTES: readonly unknown[] = [1_328, 1_344];
/** More than the path carries, and no more than the overlay does on nodes behind that hop (1,400 without 50 of VXLAN): the gateway has to say it. */
const OVER_BYTES = 1_348;

/** Runs `work` while the links of all nodes of a cluster carry less than their neighbours believe. */
async function behindHop(bed: Bed, cluster: TestCluster, mtu: number, work: () => Promise<void>): Promise<void> {
  const nodes = await realNodes(cluster);
  const set = async (bytes: number) => {
    for (const node of nodes) await onNode(bed, cluster.name, node, `ip link set eth0 mtu ${bytes}`);
  };
  try {
    await set(mtu);
    await work();
  } finally {
    await set(1_500);
  }
}

async function nodeOfGateway(cluster: TestCluster): Promise<string> {
  return (await activeGatewayPod(cluster))['spec'].nodeName;
}

async function mtuOf(cluster: TestCluster, peer: string): Promise<number | undefined> {
  return (await cluster.json(`get peer ${peer}`))['status'].tunnel?.mtuBytes;
}

function inBox(milan: TestCluster, shop: Offloaded, pod: string, script: string): Promise<string> {
  return milan.kubectl(['-n', shop.name, 'exec', pod, '-c', 'box', '--', 'sh', '-c', script], { timeoutMs: 120_000 });
}

describe('packet size', () => {
  test('NET-14 NET-15 a hop that carries less is found, senders are told, and everything arrives whole', async ({
    bed,
    milan,
    rome,
    shop,
  }) => {
    await tunnelUp(milan);
    // What a gateway says of a packet has the longest way to a sender on another node.
    const [gatewayHere, gatewayThere] = await Promise.all([nodeOfGateway(milan), nodeOfGateway(rome)]);
    const node = (await realNodes(milan)).find((name) => name !== gatewayHere) ?? gatewayHere;
    await rome.kubectl(['cordon', gatewayThere]);
    try {
      await shop.create(homePod('here', node), remotePod('there', { containers: CONTAINERS }));
      await shop.podInPhase('there', 'Running', 60_000);
    } finally {
      await rome.kubectl(['uncordon', gatewayThere]);
    }
    const here = (await shop.podInPhase('here', 'Running', 60_000))['status'].podIP as string;
    const there = await until('the remote pod has an address', async () => {
      return (await shop.pod('there'))?.['status'].podIP as string | undefined;
    });
    const { ourAliases } = (await milan.json('get peer rome'))['status'].network;
    const ends = [
      { pod: 'here', address: aliasOf(here, ourAliases), other: there },
      { pod: 'there', address: there, other: aliasOf(here, ourAliases) },
    ];
    for (const { pod } of ends) {
      await inBox(
        milan,
        shop,
        pod,
        'dd if=/dev/urandom bs=1M count=100 of=/tmp/file 2>/dev/null; httpd -p 9000 -h /tmp',
      );
    }
    const [consumer] = (await rome.json('get peers'))['items'].map((item: Json) => item['metadata'].name);

    await behindHop(bed, rome, HOP_BYTES, async () => {
      for (const [cluster, peer] of [
        [milan, 'rome'],
        [rome, consumer],
      ] as const) {
        const isFound = async () => LEFT_BYTES.includes(await mtuOf(cluster, peer));
        await until(`${cluster.name} finds what the path carries`, isFound, 60_000);
      }
      for (const { pod, other } of ends) {
        const mtu = pod === 'here' ? await mtuOf(milan, 'rome') : await mtuOf(rome, consumer);
        // Past its node and its gateway, which let it live: `!F-` is "too large, and may not be cut".
        const told = await inBox(milan, shop, pod, `traceroute -F -n -q 1 -w 5 -f 3 -m 4 ${other} ${OVER_BYTES}`);
        expect(told, pod).toContain(`!F-${mtu}`);
      }
      for (const { pod, other } of ends) {
        const from = ends.find((end) => end.pod !== pod)?.pod ?? '';
        const sum = await inBox(milan, shop, from, 'md5sum < /tmp/file');
        expect(await inBox(milan, shop, pod, `wget -qO- http://${other}:9000/file | md5sum`)).toBe(sum);
        const long = 'x'.repeat(3_000);
        const query = `request=echo%20${long}&protocol=udp&host=${other}&port=8081&tries=3`;
        const path = `/api/v1/namespaces/${shop.name}/pods/${pod}:8080/proxy/dial?${query}`;
        // The server reads the first 2 KiB of it; the datagram itself comes whole or not at all, and so does the answer.
        const [echo = ''] = JSON.parse(await milan.kubectl(['get', '--raw', path])).responses ?? [];
        expect(echo.length, `${pod} by UDP`).toBeGreaterThan(2_000);
        expect(long.startsWith(echo)).toBe(true);
      }
    });
  });
});
