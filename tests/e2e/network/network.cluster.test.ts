import { describe, expect } from 'vitest';
import { patient } from '../../patience.ts';
import { type Bed, type Json, type TestCluster, throughout, until } from '../bed.ts';
import { type Offloaded, remotePod, sleeper, test } from '../fixtures.ts';
import {
  activeGateway,
  addressIn,
  aliasOf,
  CONTAINERS,
  giveNext,
  homePod,
  networkReady,
  onNode,
  PING_EVERY_MS,
  realNodes,
  startPings,
  tunnelUp,
} from './network-fixtures.ts';

/** Whole clusters share two cores with the tests. */
const SLACK = 2;
/** 100 pods, half of them remote, and no more at once than small nodes carry. */
const WAVES = 5;
const WAVE_PODS = 20;

interface Pair {
  readonly there: string;
  /** Addresses of the home pods, by their node. */
  readonly home: ReadonlyMap<string, string>;
}

/** A remote pod, and one pod on each real node at home. */
async function pair(milan: TestCluster, shop: Offloaded): Promise<Pair> {
  const nodes = await realNodes(milan);
  await shop.create(
    remotePod('there', { containers: CONTAINERS }),
    ...nodes.map((node, index) => homePod(`here-${index}`, node)),
  );
  const there = await shop.podInPhase('there', 'Running', 60_000);
  const home = new Map<string, string>();
  for (const [index, node] of nodes.entries()) {
    home.set(node, (await shop.podInPhase(`here-${index}`, 'Running', 60_000))['status'].podIP);
  }
  const address = await until('the remote pod has an address', async () => {
    return (await shop.pod('there'))?.['status'].podIP as string | undefined;
  });
  expect(there['spec'].nodeName).toBe('rome');
  return { there: address, home };
}

/** Has `pod` ask another one by HTTP or UDP which address it sees. */
async function seenBy(
  milan: TestCluster,
  shop: Offloaded,
  pod: string,
  protocol: 'http' | 'udp',
  host: string,
): Promise<string> {
  const port = protocol === 'http' ? 8080 : 8081;
  const query = `request=clientip&protocol=${protocol}&host=${host}&port=${port}&tries=1`;
  const answer = JSON.parse(
    await milan.kubectl(`get --raw /api/v1/namespaces/${shop.name}/pods/${pod}:8080/proxy/dial?${query}`),
  );
  if (answer.responses === undefined) throw new Error(JSON.stringify(answer));
  return addressIn(answer.responses[0]);
}

/**
 * Opens one connection from `here-0` to `there` on which a number goes there and comes back five times a second.
 * @returns the last one that came back; throws where the connection has ended
 */
async function talk(milan: TestCluster, shop: Offloaded, there: string): Promise<() => Promise<number>> {
  const box = (pod: string, script: string) =>
    milan.kubectl(['-n', shop.name, 'exec', pod, '-c', 'box', '--', 'sh', '-c', script]);
  await box('there', 'setsid nc -ll -p 9001 -e cat </dev/null >/dev/null 2>&1 &');
  const numbers = 'i=0; while sleep 0.2; do i=$((i + 1)); echo $i; done';
  const client = `(${numbers}) | nc ${there} 9001 > /tmp/lines; echo ended >> /tmp/lines`;
  await box('here-0', `: > /tmp/lines; setsid sh -c '${client}' </dev/null >/dev/null 2>&1 &`);
  const last = async () => {
    const line = (await box('here-0', 'tail -n 1 /tmp/lines')).trim();
    if (line === 'ended') throw new Error('the connection has ended');
    return Number(line);
  };
  await until('the connection stands', async () => (await last()) > 0);
  return last;
}

/** Routes, packet rules and overlay of a node, without counters. */
function worldOf(bed: Bed, cluster: string, node: string): Promise<string> {
  const parts = [
    'ip route show dev tombolo-vx',
    'bridge fdb show dev tombolo-vx',
    'nft --stateless list table inet tombolo',
  ];
  return onNode(bed, cluster, node, parts.join('; '));
}

describe('network', () => {
  test('NET-09 POD-16 pods of both clusters reach each other from every node, and each is seen under its own alias', async ({
    milan,
    rome,
    shop,
  }) => {
    await tunnelUp(milan);
    const { there, home } = await pair(milan, shop);
    const network = (await milan.json('get peer rome'))['status'].network;
    const [remote] = (await rome.json(`-n ${shop.twin} get pods`))['items'];
    expect(there).toBe(aliasOf(remote.status.podIP, network.aliases));
    expect((await shop.pod('there'))?.['status'].podIPs).toEqual([{ ip: there }]);
    const pods = [...home.values()].map((address, index) => [`here-${index}`, address] as const);
    for (const [pod, address] of pods) {
      const seen = aliasOf(address, network.ourAliases);
      for (const protocol of ['http', 'udp'] as const) {
        expect(await seenBy(milan, shop, pod, protocol, there)).toBe(seen);
        expect(await seenBy(milan, shop, 'there', protocol, seen)).toBe(there);
      }
      const ping = (name: string, to: string) =>
        milan.kubectl(['-n', shop.name, 'exec', name, '-c', 'box', '--', 'ping', '-c', '2', '-W', '5', to]);
      expect(await ping(pod, there)).toContain(' 0% packet loss');
      expect(await ping('there', seen)).toContain(' 0% packet loss');
    }
  });

  test('NET-10 hosts and the API server reach remote pods, seen under the anchor of their node', async ({
    bed,
    milan,
    shop,
  }) => {
    await tunnelUp(milan);
    const { there } = await pair(milan, shop);
    const { ourAliases } = (await milan.json('get peer rome'))['status'].network;
    const nodes = (await milan.json('get nodes -l !tombolo.io/peer'))['items'];
    const anchorOf = (node: Json) => node['metadata'].annotations['tombolo.io/anchor-address'] as string;
    const anchors = nodes.map((node: Json) => aliasOf(anchorOf(node), ourAliases));
    expect(new Set(anchors).size).toBe(nodes.length);
    // All at once, and with one source port: replies find the right node by the address alone.
    const seen = await Promise.all(
      nodes.map((node: Json) =>
        onNode(
          bed,
          'milan',
          node['metadata'].name,
          `curl --silent --max-time 10 --local-port 33333 http://${there}:8080/clientip`,
        ),
      ),
    );
    expect(seen.map(addressIn)).toEqual(anchors);
    const byApi = await milan.kubectl(`get --raw /api/v1/namespaces/${shop.name}/pods/there:8080/proxy/clientip`);
    expect(anchors).toContain(addressIn(byApi));
  });

  test('100 MiB over TCP and 3,000 bytes over UDP arrive whole', async ({ milan, shop }) => {
    await tunnelUp(milan);
    const { there } = await pair(milan, shop);
    const box = (pod: string, script: string) =>
      milan.kubectl(['-n', shop.name, 'exec', pod, '-c', 'box', '--', 'sh', '-c', script], { timeoutMs: 120_000 });
    const file = 'dd if=/dev/zero bs=1M count=100 2>/dev/null';
    const sum = (await box('here-0', `${file} | md5sum`)).split(' ')[0];
    await box('there', `${file} of=/tmp/file && httpd -p 9000 -h /tmp`);
    expect((await box('here-0', `wget -qO- http://${there}:9000/file | md5sum`)).split(' ')[0]).toBe(sum);
    const long = 'x'.repeat(3_000);
    const query = `request=echo%20${long}&protocol=udp&host=${there}&port=8081&tries=1`;
    const path = `/api/v1/namespaces/${shop.name}/pods/here-0:8080/proxy/dial?${query}`;
    // The server reads the first 2 KiB of it; the datagram itself comes whole or not at all, and so does the answer.
    const [echo] = JSON.parse(await milan.kubectl(['get', '--raw', path])).responses;
    expect(echo.length).toBeGreaterThan(2_000);
    expect(long.startsWith(echo)).toBe(true);
  });

  test('NET-21 NET-22 the active gateway is killed five times in a row: traffic is back each time, no address changes, and a connection survives', async ({
    milan,
    shop,
  }) => {
    await tunnelUp(milan);
    const { there } = await pair(milan, shop);
    const before = (await milan.json('get peer rome'))['status'].network;
    const lastEcho = await talk(milan, shop, there);
    const endPings = await startPings(milan, shop, 'here-0', there);
    for (let round = 0; round < 5; round++) {
      await until(
        'two gateways',
        async () => {
          const deployment = await milan.json('-n tombolo-system get deployment tombolo-gateway');
          return deployment['status'].readyReplicas === 2;
        },
        90_000,
      );
      const active = await activeGateway(milan);
      await milan.kubectl(`-n tombolo-system delete pod ${active} --force --grace-period=0`);
      await until(`another replica forwards (${round})`, async () => (await activeGateway(milan)) !== active, 30_000);
      await until('traffic is back', async () => {
        await seenBy(milan, shop, 'here-0', 'http', there);
        return true;
      });
      const heard = await lastEcho();
      await until('the connection goes on', async () => (await lastEcho()) > heard);
    }
    const { missed, output } = await endPings();
    console.info(`longest interruption of five: ${missed * PING_EVERY_MS} ms`);
    expect(missed * PING_EVERY_MS, output).toBeLessThanOrEqual(3_000 * SLACK);
    expect((await milan.json('get peer rome'))['status'].network).toEqual(before);
  });

  test('NET-25 a peer that does not answer is said within seconds, and True again with the first answer', async ({
    bed,
    milan,
    rome,
    peered: _,
  }) => {
    await tunnelUp(milan);
    const tunnel = await until('round-trip time and loss', async () => {
      const { tunnel: found } = (await milan.json('get peer rome'))['status'];
      return found?.roundTripMilliseconds !== undefined && found?.lossPercent !== undefined && found;
    });
    expect(tunnel.roundTripMilliseconds).toBeGreaterThan(0);
    const nodes = await realNodes(rome);
    const port = (await rome.json('-n tombolo-system get service tombolo-gateway'))['spec'].ports[0].nodePort as number;
    const sources = (await milan.json('get nodes -l !tombolo.io/peer'))['items'].map(
      (node: Json) => node['status'].addresses.find((entry: Json) => entry['type'] === 'InternalIP').address,
    );
    // All of it: what only one port lets in, gateways get through by dialling the other way.
    const block = [
      'nft add table inet testblock',
      "nft 'add chain inet testblock in { type filter hook prerouting priority -400; }'",
      `nft 'add rule inet testblock in ip saddr { ${sources.join(', ')} } meta l4proto udp drop'`,
    ].join(' && ');
    try {
      for (const node of nodes) await onNode(bed, 'rome', node, block);
      const said = await until('NetworkReady is False', async () => {
        const found = await networkReady(milan, 'rome');
        return found?.['status'] === 'False' && found;
      });
      expect(said).toMatchObject({ reason: 'NoAnswer' });
      expect(said['message']).toContain(`:${port} (UDP`);
    } finally {
      for (const node of nodes) await onNode(bed, 'rome', node, 'nft delete table inet testblock');
    }
    await until('True again', async () => (await networkReady(milan, 'rome'))?.['status'] === 'True', 40_000);
  });

  // Between clusters; inside the provider's: isolation.cluster.test.ts.
  test('pods of the provider that do not run for this consumer reach nothing of it, nor are they reached', async ({
    milan,
    rome,
    shop,
  }) => {
    await tunnelUp(milan);
    const { home } = await pair(milan, shop);
    const { aliases, ourAliases } = (await milan.json('get peer rome'))['status'].network;
    const name = `own-${process.pid.toString(36)}`;
    await rome.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: CONTAINERS } });
    try {
      const own = await until(
        'a pod of the provider',
        async () => {
          const { status } = await rome.json(`get pod ${name}`);
          return status.phase === 'Running' && (status.podIP as string);
        },
        60_000,
      );
      const [here = ''] = home.values();
      const ask = (cluster: TestCluster, namespace: string, pod: string, address: string) =>
        cluster.try([
          '-n',
          namespace,
          'exec',
          pod,
          '-c',
          'box',
          '--',
          'timeout',
          '4',
          'wget',
          '-qO-',
          `http://${address}:8080/hostname`,
        ]);
      expect((await ask(milan, shop.name, 'here-0', aliasOf(own, aliases))).stdout).toBe('');
      expect((await ask(milan, shop.name, 'there', aliasOf(here, ourAliases))).stdout).toBe('here-0');
      expect((await ask(rome, 'default', name, aliasOf(here, ourAliases))).stdout).toBe('');
    } finally {
      await rome.kubectl(`delete pod ${name} --grace-period=0 --force`);
    }
  });

  test('NET-28 100 pods come and go, and no route, rule or neighbour changes on node or gateway', {
    timeout: patient(400_000),
  }, async ({ bed, milan, shop }) => {
    await tunnelUp(milan);
    const nodes = await realNodes(milan);
    const worlds = () => Promise.all(nodes.map((node) => worldOf(bed, 'milan', node)));
    const gateway = async () =>
      milan.kubectl([
        '-n',
        'tombolo-system',
        'exec',
        await activeGateway(milan),
        '-c',
        'gateway',
        '--',
        'sh',
        '-c',
        // Without elements of sets: who may exchange packets does change.
        'ip route show table 51840; ip route; nft --stateless --terse list table inet tombolo',
      ]);
    const before = [await worlds(), await gateway()];
    for (let wave = 0; wave < WAVES; wave++) {
      const names = Array.from({ length: WAVE_PODS }, (_, index) => `w${wave}-${index}`);
      const pods = names.map((name, index) => {
        const node = nodes[index % (2 * nodes.length)];
        const containers = [sleeper()];
        return node === undefined
          ? remotePod(name, { containers })
          : { ...homePod(name, node), spec: { nodeName: node, terminationGracePeriodSeconds: 1, containers } };
      });
      await shop.create(...pods);
      for (const name of names) await shop.podInPhase(name, 'Running', 90_000);
      expect([await worlds(), await gateway()], `wave ${wave} runs`).toEqual(before);
      await milan.kubectl(`-n ${shop.name} delete pods --all --grace-period=1`, { timeoutMs: 120_000 });
      expect([await worlds(), await gateway()], `wave ${wave} is gone`).toEqual(before);
    }
  });

  test('NET-28 the address of a pod that is gone leads to no pod of the provider, and to the next remote pod that has it', async ({
    bed,
    milan,
    rome,
    shop,
  }) => {
    await tunnelUp(milan);
    const [node = ''] = await realNodes(milan);
    await shop.create(homePod('here', node), remotePod('first', { containers: CONTAINERS }));
    await shop.podInPhase('here', 'Running', 60_000);
    const address = (await shop.podInPhase('first', 'Running', 60_000))['status'].podIP as string;
    const first: Json = (await rome.json(`-n ${shop.twin} get pods`))['items'][0];
    const nodeName: string = first['spec'].nodeName;
    const there: string = first['status'].podIP;
    const answer = async () => {
      const url = `http://${address}:8080/hostname`;
      return (await milan.try(`-n ${shop.name} exec here -c box -- timeout 5 wget -qO- ${url}`)).stdout;
    };
    await until('it answers', async () => (await answer()) === 'first');

    const others = (await realNodes(rome)).filter((name) => name !== nodeName);
    const own = { namespace: 'default', name: `own-${process.pid.toString(36)}` };
    const giveAgain = () => giveNext(bed, 'rome', nodeName.replace('rome-', ''), there);
    for (const name of others) await rome.kubectl(`cordon ${name}`);
    try {
      await milan.kubectl(`-n ${shop.name} delete pod first --wait=true`);
      await until('it is gone there', async () => (await rome.json(`-n ${shop.twin} get pods`))['items'].length === 0);
      await giveAgain();
      await rome.apply({ ...homePod(own.name, nodeName), metadata: own });
      const taker = await until(
        'a pod of the provider runs',
        async () => {
          const pod = await rome.find(`-n ${own.namespace} get pod ${own.name}`);
          return pod?.['status'].phase === 'Running' && pod;
        },
        60_000,
      );
      expect(taker['status'].podIP).toBe(there);
      for (let ask = 0; ask < 3; ask++) expect(await answer()).toBe('');

      await rome.kubectl(`-n ${own.namespace} delete pod ${own.name} --grace-period=1 --wait=true`);
      await giveAgain();
      await shop.create(remotePod('second', { containers: CONTAINERS }));
      const second = await shop.podInPhase('second', 'Running', 60_000);
      expect(second['status'].podIP).toBe(address);
      await until('the next one answers', async () => (await answer()) === 'second');
    } finally {
      for (const name of others) await rome.kubectl(`uncordon ${name}`);
      await rome.try(`-n ${own.namespace} delete pod ${own.name} --grace-period=0 --wait=false`);
    }
  });

  test('NET-29 what was changed by hand on a node or gateway is put right, and what others have stays', async ({
    bed,
    milan,
    peered: _,
  }) => {
    await tunnelUp(milan);
    const [node = ''] = await realNodes(milan);
    const gateway = await activeGateway(milan);
    const inGateway = (script: string) =>
      milan.kubectl(['-n', 'tombolo-system', 'exec', gateway, '-c', 'gateway', '--', 'sh', '-c', script]);
    const gatewayWorld = () =>
      inGateway(
        // Without elements of sets: pods of earlier tests may still be going.
        'ip route show dev tombolo-wg; ip route show table 51840; ip rule; wg show tombolo-wg allowed-ips; nft --stateless --terse list table inet tombolo',
      );
    const before = { node: await worldOf(bed, 'milan', node), gateway: await gatewayWorld() };
    await onNode(bed, 'milan', node, 'ip route add 192.0.2.0/24 dev lo; nft add table inet others');
    await onNode(bed, 'milan', node, 'ip link del tombolo-vx; nft flush table inet tombolo');
    await inGateway('ip route flush dev tombolo-wg; ip rule del pref 5184; nft delete table inet tombolo');
    await inGateway('wg set tombolo-wg peer "$(wg show tombolo-wg peers | head -n 1)" remove');
    await until('the node is right again', async () => (await worldOf(bed, 'milan', node)) === before.node, 60_000);
    await until('the gateway is right again', async () => (await gatewayWorld()) === before.gateway, 60_000);
    expect(await onNode(bed, 'milan', node, 'ip route show 192.0.2.0/24; nft list tables')).toMatch(
      /192\.0\.2\.0\/24 dev lo[^]*table inet others/,
    );
    await onNode(bed, 'milan', node, 'ip route del 192.0.2.0/24 dev lo; nft delete table inet others');
    await tunnelUp(milan); // without its WireGuard peer it may have been lost for a moment
    await throughout('the tunnel stays', async () => (await networkReady(milan, 'rome'))?.['status'] === 'True', 2_000);
  });
});
