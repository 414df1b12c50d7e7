import { describe, expect, test as base } from 'vitest';
import { renderAgentTable } from './agent-table.ts';
import { renderGatewayTable } from './gateway-table.ts';
import { homeApiSets } from './home-api.ts';
import { NatTable } from './nat-table.ts';
import type { AgentState } from './state.ts';
import { missingTool, Namespace } from './test-namespace.ts';

const missing = await missingTool();
const test = missing === undefined ? base : base.skip;
const signal = new AbortController().signal;

const STATE: AgentState = {
  overlay: { device: 'ovl', port: 51_840, gateways: ['10.244.9.9'], reversePath: 'strict' },
  podRanges: ['10.244.0.0/16', 'fd00:244::/64'],
  peerRanges: ['10.61.0.0/16', 'fd00:61::/64'],
  anchors: ['10.200.0.1'],
  published: [],
};

interface Node {
  readonly host: Namespace;
  readonly pod: Namespace;
  /** A pod of a peer, straight at the other end of the overlay device. */
  readonly remote: Namespace;
  /** The gateway pod of this node. */
  readonly gateway: Namespace;
}

/** A node with a CNI that masquerades whatever leaves for something that is no pod of its own. */
async function makeNode(stack: AsyncDisposableStack): Promise<Node> {
  const host = stack.use(await Namespace.create('host'));
  const pod = stack.use(await Namespace.create('pod'));
  const remote = stack.use(await Namespace.create('remote'));
  const gateway = stack.use(await Namespace.create('gateway'));
  await host.ip(
    `link add ovl type veth peer name eth0 netns ${remote.name}`,
    `link add veth1 type veth peer name eth0 netns ${pod.name}`,
    `link add veth2 type veth peer name eth0 netns ${gateway.name}`,
    ...['ovl', 'veth1', 'veth2'].map((name) => `link set ${name} up`),
    'addr add 10.200.0.1/32 dev ovl',
    'addr add fd00:200::1/128 dev ovl nodad',
    'addr add 192.0.2.1/32 dev lo',
    'route add 10.61.0.0/16 dev ovl src 10.200.0.1',
    'route add fd00:61::/64 dev ovl',
    'route add 10.244.1.5/32 dev veth1 src 192.0.2.1',
    'route add 10.244.9.9/32 dev veth2 src 192.0.2.1',
  );
  await host.run('sysctl', ['-qw', 'net/ipv4/ip_forward=1', 'net/ipv4/conf/all/rp_filter=0']);
  for (const [space, address] of [
    [pod, '10.244.1.5'],
    [remote, '10.61.1.5'],
    [gateway, '10.244.9.9'],
  ] as const) {
    await space.ip('link set eth0 up', `addr add ${address}/32 dev eth0`, 'route add default dev eth0');
    await space.serve();
  }
  for (const device of ['ovl', 'veth1', 'veth2']) await host.proxyArp(device);
  for (const space of [pod, remote, gateway]) await space.proxyArp('eth0');
  await host.nft(
    'table ip cni {\n\tchain post {\n\t\ttype nat hook postrouting priority srcnat;\n' +
      '\t\tip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade\n\t}\n}\n',
  );
  await host.serve();
  return { host, pod, remote, gateway };
}

// Namespaces and forks on a machine that others use too.
describe(`a node${missing === undefined ? '' : ` (skipped: ${missing})`}`, { timeout: 60_000 }, () => {
  test('keeps the address of a pod although the CNI masquerades, and lends hosts the anchor', async () => {
    await using stack = new AsyncDisposableStack();
    const { host, pod } = await makeNode(stack);
    expect(await pod.ask('tcp', '10.61.1.5')).toBe('10.200.0.1');
    await new NatTable({ run: host.run }).apply(renderAgentTable(STATE), signal);
    expect(await pod.ask('tcp', '10.61.1.5')).toBe('10.244.1.5');
    expect(await pod.ask('udp', '10.61.1.5')).toBe('10.244.1.5');
    expect(await host.ask('tcp', '10.61.1.5')).toBe('10.200.0.1');
    expect(await host.pings('10.61.1.5', '192.0.2.1')).toBe(true);
  });

  test('opens pods to peers, and of itself the published ports alone', async () => {
    await using stack = new AsyncDisposableStack();
    const { host, remote } = await makeNode(stack);
    const table = new NatTable({ run: host.run });
    await table.apply(renderAgentTable(STATE), signal);
    expect(await remote.ask('tcp', '10.244.1.5')).toBe('10.61.1.5');
    expect(await remote.pings('10.200.0.1')).toBe(true);
    // An address of the node, and the anchor itself.
    expect(await remote.ask('tcp', '192.0.2.1')).toBe('nothing');
    expect(await remote.ask('tcp', '10.200.0.1')).toBe('nothing');
    const refused = (await table.counters(signal)).get('refused_destination')?.packets;
    expect(refused).toBeGreaterThan(1);
    const published = [{ protocol: 'tcp' as const, port: 7000 }];
    await table.apply(renderAgentTable({ ...STATE, published }), signal);
    expect(await remote.ask('tcp', '10.200.0.1')).toBe('10.61.1.5');
    expect(await remote.ask('udp', '10.200.0.1')).toBe('nothing');
  });

  test('answers no NodePort on its anchor', async () => {
    await using stack = new AsyncDisposableStack();
    const { host, remote } = await makeNode(stack);
    await host.nft(
      'table ip services {\n\tchain pre {\n\t\ttype nat hook prerouting priority dstnat;\n' +
        '\t\tfib daddr type local tcp dport 7000 dnat to 10.244.1.5:7000\n\t}\n}\n',
    );
    expect(await remote.ask('tcp', '10.200.0.1')).not.toBe('nothing');
    await new NatTable({ run: host.run }).apply(renderAgentTable(STATE), signal);
    expect(await remote.ask('tcp', '10.200.0.1')).toBe('nothing');
  });

  test('takes nothing from an address that is no peer', async () => {
    await using stack = new AsyncDisposableStack();
    const { host, remote } = await makeNode(stack);
    const table = new NatTable({ run: host.run });
    await table.apply(renderAgentTable({ ...STATE, peerRanges: ['10.62.0.0/16'] }), signal);
    expect(await remote.ask('udp', '10.244.1.5')).toBe('nothing');
    expect((await table.counters(signal)).get('refused_source')?.packets).toBeGreaterThan(0);
  });

  test('takes outer packets from the gateway pod, not from a pod that lends its address', async () => {
    await using stack = new AsyncDisposableStack();
    const { host, pod, gateway } = await makeNode(stack);
    const table = new NatTable({ run: host.run });
    // The port of the server stands for that of the overlay.
    await table.apply(renderAgentTable({ ...STATE, overlay: { ...STATE.overlay, port: 7000 } }), signal);
    const refused = async () => (await table.counters(signal)).get('refused_overlay')?.packets;
    expect(await gateway.ask('udp', '192.0.2.1')).toBe('10.244.9.9');
    // The answer of the server is an entry: unlike an outer packet it does not go to that port.
    expect((await host.run('conntrack', ['-L'])).stdout).not.toMatch(/^udp +17 \d+ src=10\.244\.9\.9/m);
    expect(await refused()).toBe(0);
    expect(await pod.ask('udp', '192.0.2.1')).toBe('nothing');
    expect(await refused()).toBe(1);
    await pod.ip('addr del 10.244.1.5/32 dev eth0', 'addr add 10.244.9.9/32 dev eth0', 'route add default dev eth0');
    expect(await pod.ask('udp', '192.0.2.1')).toBe('nothing');
    expect(await refused()).toBe(2);
  });
});

describe(`the home API${missing === undefined ? '' : ` (skipped: ${missing})`}`, { timeout: 60_000 }, () => {
  test('is reached by the pods that may, through the gateway, and at its one port', async () => {
    await using stack = new AsyncDisposableStack();
    const gateway = stack.use(await Namespace.create('gateway'));
    const remote = stack.use(await Namespace.create('remote'));
    const api = stack.use(await Namespace.create('api'));
    await gateway.ip(
      `link add wan type veth peer name eth0 netns ${remote.name}`,
      `link add eth0 type veth peer name eth0 netns ${api.name}`,
      'link add lan type bridge',
      ...['wan', 'eth0', 'lan'].map((name) => `link set ${name} up`),
      'addr add 10.96.0.2/24 dev eth0',
      'route add 10.61.0.0/16 dev wan',
      // Without a way to somewhere else it would not answer for the anchor on a device that asks for neighbours.
      'route add default via 10.96.0.1',
    );
    await gateway.run('sysctl', ['-qw', 'net/ipv4/ip_forward=1']);
    await gateway.proxyArp('wan');
    await remote.ip(
      'addr add 10.61.1.5/32 dev eth0',
      'addr add 10.61.1.6/32 dev eth0',
      'link set eth0 up',
      'route add default dev eth0 src 10.61.1.5',
      'route add 10.209.0.2/32 dev eth0 src 10.61.1.6',
    );
    // The API does not know the way back to any alias.
    await api.ip('addr add 10.96.0.1/24 dev eth0', 'link set eth0 up');
    await api.serve();
    const home = { target: '10.96.0.1', port: 7000 };
    const announced = [{ original: '10.200.0.0/20', alias: '10.209.0.0/20' }];
    const state = (homeApiAddress: string) => ({
      tunnelDevice: 'wan',
      overlay: { device: 'lan', port: 51_840, senders: [] },
      ownRanges: ['10.200.0.0/20'],
      peers: [{ name: 'rome', ranges: ['10.61.0.0/16'], announced, homeApiAddress }],
      transit: [],
      homeApi: home,
    });
    const clients = homeApiSets(new Map([['rome', { lent: [], ours: ['10.61.1.5'] }]]));
    const table = new NatTable({ run: gateway.run });
    await table.apply(renderGatewayTable(state('10.209.0.1')), signal, clients);
    expect(await remote.ask('tcp', '10.209.0.1', 443)).toBe('10.96.0.2');
    expect(await remote.ask('tcp', '10.209.0.1', 7000)).toBe('nothing');
    expect(await remote.ask('tcp', '10.96.0.1', 7000)).toBe('nothing');
    await table.apply(renderGatewayTable(state('10.209.0.2')), signal, clients);
    expect(await remote.ask('tcp', '10.209.0.2', 443)).toBe('nothing');
    expect((await table.counters(signal)).get('destination_rome')?.packets).toBeGreaterThan(2);
  });
});
