import { describe, expect } from 'vitest';
import { type Bed, type Json, type TestCluster, until } from '../bed.ts';
import { type Offloaded, remotePod, test } from '../fixtures.ts';
import {
  activeGateway,
  aliasOf,
  CONTAINERS,
  homePod,
  networkReady,
  onNode,
  realNodes,
  startPings,
  tunnelUp,
} from './network-fixtures.ts';

const SYSTEM = '-n tombolo-system';

/** A port that no Service of the bed has. */
const OTHER_PORT = 32_111;

/** What each of two pods calls the other one. */
interface Pair {
  readonly here: string;
  readonly there: string;
}

async function pair(milan: TestCluster, shop: Offloaded): Promise<Pair> {
  const [node = ''] = await realNodes(milan);
  await shop.create(homePod('here', node), remotePod('there', { containers: CONTAINERS }));
  const here = (await shop.podInPhase('here', 'Running', 60_000))['status'].podIP as string;
  await shop.podInPhase('there', 'Running', 60_000);
  const there = await until('the remote pod has an address', async () => {
    return (await shop.pod('there'))?.['status'].podIP as string | undefined;
  });
  return { here: aliasOf(here, (await milan.json('get peer rome'))['status'].network.ourAliases), there };
}

/** Whether the first packet of `pod` is answered. */
async function pings(milan: TestCluster, shop: Offloaded, pod: string, address: string): Promise<boolean> {
  const ping = ['ping', '-c', '1', '-W', '2', address];
  return (await milan.try(['-n', shop.name, 'exec', pod, '-c', 'box', '--', ...ping])).code === 0;
}

async function bothWays(milan: TestCluster, shop: Offloaded, { here, there }: Pair): Promise<boolean> {
  return (await pings(milan, shop, 'here', there)) && (await pings(milan, shop, 'there', here));
}

async function addresses(cluster: TestCluster): Promise<string[]> {
  const { items } = await cluster.json('get nodes -l !tombolo.io/peer');
  return items.map(
    (node: Json) => node['status'].addresses.find((entry: Json) => entry['type'] === 'InternalIP').address,
  );
}

async function gatewayPort(cluster: TestCluster): Promise<number> {
  return (await cluster.json(`${SYSTEM} get service tombolo-gateway`))['spec'].ports[0].nodePort;
}

/** Makes the gateway's Service have this node port, or none. */
async function expose(cluster: TestCluster, nodePort: number | undefined): Promise<void> {
  const { ports } = (await cluster.json(`${SYSTEM} get service tombolo-gateway`))['spec'];
  const { nodePort: _, ...port } = ports[0];
  const spec =
    nodePort === undefined
      ? { type: 'ClusterIP', ports: [port] }
      : { type: 'NodePort', ports: [{ ...port, nodePort }] };
  await cluster.kubectl(`${SYSTEM} patch service tombolo-gateway --type merge -p ${JSON.stringify({ spec })}`);
}

/** Packet rules on all nodes of a cluster, in a table of their own, while `work` runs. */
async function withRules(
  bed: Bed,
  cluster: TestCluster,
  rules: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  const nodes = await realNodes(cluster);
  const table = `inet test_${cluster.name}_${process.pid}`;
  const chains = [
    'first { type filter hook prerouting priority -400; }',
    'tracked { type filter hook prerouting priority -150; }',
    'leaving { type nat hook postrouting priority 50; }',
  ];
  const lines = [
    `add table ${table}`,
    ...chains.map((chain) => `add chain ${table} ${chain}`),
    ...rules.map((rule) => `add rule ${table} ${rule}`),
  ];
  try {
    for (const node of nodes) await onNode(bed, cluster.name, node, `nft '${lines.join('; ')}'`);
    await work();
  } finally {
    for (const node of nodes) await onNode(bed, cluster.name, node, `nft 'add table ${table}; delete table ${table}'`);
  }
}

/** Runs a command in the network namespace of each node, where the agent has the tools for it. */
async function inAgents(cluster: TestCluster, command: readonly string[]): Promise<void> {
  const pods = (await cluster.json(`${SYSTEM} get pods -l tombolo.io/component=agent`))['items'];
  for (const name of pods.map((pod: Json) => pod['metadata'].name as string)) {
    await cluster.try(['-n', 'tombolo-system', 'exec', name, '-c', 'agent', '--', ...command]);
  }
}

describe('tunnel', () => {
  test('NET-23 NET-24 where only one side can be dialled both ways work, also after silence, and follow what changes', async ({
    bed,
    milan,
    rome,
    shop,
  }) => {
    await tunnelUp(milan);
    const ends = await pair(milan, shop);
    const [milanPort, romePort] = [await gatewayPort(milan), await gatewayPort(rome)];
    const romeNodes = (await addresses(rome)).join(', ');
    const [consumer] = (await rome.json('get peers'))['items'].map((item: Json) => item['metadata'].name);
    // A firewall that lets in only what answers, and forgets soon.
    const firewall = [
      `first udp dport ${milanPort} drop`,
      `tracked ip saddr { ${romeNodes} } meta l4proto udp ct state new drop`,
    ];
    const forget = (seconds: [number, number]) =>
      realNodes(milan).then(async (nodes) => {
        const base = '/proc/sys/net/netfilter/nf_conntrack_udp_timeout';
        const script = `echo ${seconds[0]} > ${base}; echo ${seconds[1]} > ${base}_stream`;
        for (const node of nodes) await onNode(bed, 'milan', node, script);
      });
    const back = (what: string) => until(what, () => bothWays(milan, shop, ends), 30_000);
    try {
      await expose(milan, undefined);
      await forget([5, 5]);
      await withRules(bed, milan, firewall, async () => {
        const isUndialled = async () => !(await rome.json(`get peer ${consumer}`))['status'].network.endpoints?.length;
        await until('rome knows no endpoint of milan', isUndialled, 40_000);
        await back('NET-24: the tunnel that milan dials');
        await new Promise((done) => setTimeout(done, 12_000));
        expect(await pings(milan, shop, 'there', ends.here), 'the first packet from the dialled side').toBe(true);

        // NAT in front of milan begins anew: another source port, and nothing known of the old one.
        const gateway = await milan.json(`${SYSTEM} get pod ${await activeGateway(milan)}`);
        const rebind = `leaving ip saddr ${gateway['status'].podIP} udp dport ${romePort} masquerade to :41000-41999`;
        await withRules(bed, milan, [rebind], async () => {
          await inAgents(milan, ['conntrack', '-D', '-p', 'udp', '--dport', String(romePort)]);
          await back('NET-23: after the NAT has changed');
        });

        // Another port of rome's, and the old one dead.
        await withRules(bed, rome, [`first udp dport ${romePort} drop`], async () => {
          await expose(rome, OTHER_PORT);
          await back('NET-23: after the port of the peer has changed');
          expect((await milan.json('get peer rome'))['status'].network.endpoints.join()).toContain(`:${OTHER_PORT}`);
        });
      });
    } finally {
      await expose(rome, romePort);
      await expose(milan, milanPort);
      await forget([30, 120]);
    }
    const isDialled = async () =>
      (await milan.json('get peer rome'))['status'].network.endpoints.join().includes(`:${romePort}`);
    await until('the old port again', isDialled, 40_000);
    await tunnelUp(milan);
  });

  test('NET-26 the key of the gateway is rotated, and nothing is lost for longer than a second', async ({
    milan,
    rome,
    shop,
  }) => {
    await tunnelUp(milan);
    const ends = await pair(milan, shop);
    await until('both ways', () => bothWays(milan, shop, ends));
    const keyOf = async () => (await milan.json(`${SYSTEM} get secret tombolo-gateway-key`))['data']['private-key'];
    const [consumer] = (await rome.json('get peers'))['items'].map((item: Json) => item['metadata'].name);
    const before = await keyOf();
    const pings = [
      await startPings(milan, shop, 'here', ends.there),
      await startPings(milan, shop, 'there', ends.here),
    ];
    await milan.kubectl(`annotate clusternetwork cluster tombolo.io/rotate-gateway-key=${Date.now()} --overwrite`);
    await until('another key is in use', async () => (await keyOf()) !== before, 60_000);
    const published = await until('and published', async () => {
      const { publicKey, nextPublicKey } = (await milan.json('get clusternetwork cluster'))['status'];
      return nextPublicKey === undefined && (publicKey as string);
    });
    await until('rome goes by it', async () => {
      const { network, tunnel } = (await rome.json(`get peer ${consumer}`))['status'];
      return network.publicKey === published && network.nextPublicKey === undefined && tunnel.acceptedKey === undefined;
    });
    await new Promise((done) => setTimeout(done, 3_000));
    for (const end of pings) {
      const { missed, output } = await end();
      expect(missed, output).toBeLessThanOrEqual(4);
    }
    for (const [cluster, peer] of [
      [milan, 'rome'],
      [rome, consumer],
    ] as const) {
      expect(await networkReady(cluster, peer)).toMatchObject({ status: 'True' });
    }
  });

  test('a blocked UDP port is a condition within 15 s, and status and verify name it', async ({
    bed,
    milan,
    rome,
    peered: _,
  }) => {
    await tunnelUp(milan);
    const port = await gatewayPort(rome);
    const sources = (await addresses(milan)).join(', ');
    // All of it: what only one port lets in, gateways get through by dialling the other way.
    await withRules(bed, rome, [`first ip saddr { ${sources} } meta l4proto udp drop`], async () => {
      const isSaid = async () => (await networkReady(milan, 'rome'))?.['status'] === 'False';
      await until('NetworkReady is False', isSaid, 15_000);
      const status = await milan.tombolo('status rome --check');
      expect(status, status.stdout + status.stderr).toMatchObject({ code: 4 });
      expect(status.stdout).toMatch(new RegExp(`peer rome: NetworkReady is False: .*:${port} \\(UDP`));
      const verify = await milan.tombolo('verify rome -o json');
      expect(verify, verify.stdout + verify.stderr).toMatchObject({ code: 4 });
      const [problem] = JSON.parse(verify.stdout).peers[0].problems;
      expect(problem).toMatchObject({ hop: 'tunnel' });
      expect(problem.message).toContain(`:${port} (UDP`);
    });
    await tunnelUp(milan);
  });

  test('PEER-33 with no gateway left, nothing says that the tunnel stands', async ({ milan, peered: _ }) => {
    await tunnelUp(milan);
    const scale = (replicas: number) =>
      milan.kubectl(`${SYSTEM} scale deployment tombolo-gateway --replicas ${replicas}`);
    try {
      await scale(0);
      const pods = async () => (await milan.json(`${SYSTEM} get pods -l tombolo.io/component=gateway`))['items'];
      await until('no gateway is left', async () => (await pods()).length === 0, 60_000);
      const isTakenBack = async () => (await networkReady(milan, 'rome'))?.['status'] === 'Unknown';
      await until('NetworkReady is Unknown', isTakenBack, 20_000);
      expect(await networkReady(milan, 'rome')).toMatchObject({ reason: 'GatewaySilent' });
    } finally {
      await scale(2);
    }
    await tunnelUp(milan);
  });
});
