import { describe, expect, test as base } from 'vitest';
import { type IsolationMembers, type IsolationState, isolationSets, renderIsolationTable } from './isolation-table.ts';
import { renderIsolationBridge } from './isolation-bridge.ts';
import { mapLimit } from '#pkg/runtime';
import { NatTable } from './nat-table.ts';
import { missingTool, Namespace } from './test-namespace.ts';

const missing = await missingTool();
const test = missing === undefined ? base : base.skip;
const signal = new AbortController().signal;

const STATE: IsolationState = {
  overlayDevice: 'ovl',
  inside: ['10.244.0.0/16', '10.61.0.0/16', '10.62.0.0/16'],
  nodeRanges: ['198.51.100.0/24'],
  localNames: ['169.254.0.0/16'],
  tenants: [
    { name: 'milan', home: ['10.61.0.0/16'] },
    { name: 'turin', home: ['10.62.0.0/16'] },
  ],
};
const IN = {
  milan: '10.244.1.5',
  sister: '10.244.1.6',
  turin: '10.244.1.7',
  own: '10.244.1.8',
  home: '10.61.1.5',
} as const;
const HOST = '192.0.2.1';
const OUTSIDE = '203.0.113.5';
/** A machine beside the nodes. */
const BESIDE = '198.51.100.9';
const PORT = 7000;
/** Each question is a process. */
const AT_ONCE = 4;

const members = (
  more: Partial<IsolationMembers> = {},
  offered: `${string} . tcp . ${number}`[] = [],
): IsolationMembers => ({
  tenants: new Map([
    ['milan', { pods: [IN.milan, IN.sister], offered }],
    ['turin', { pods: [IN.turin], offered: [] }],
  ]),
  here: [IN.milan, IN.sister, IN.turin],
  services: [],
  nodes: [HOST],
  gateways: [],
  unsettled: [],
  known: [],
  ...more,
});

/** A node that routes between its pods, as the `ptp` plugin does, with a consumer behind the overlay and the world outside. */
async function makeNode(stack: AsyncDisposableStack) {
  const host = stack.use(await Namespace.create('host'));
  await host.run('sysctl', ['-qw', 'net/ipv4/ip_forward=1', 'net/ipv4/conf/all/rp_filter=0']);
  await host.ip(`addr add ${HOST}/32 dev lo`);
  const join = async (address: string, device: string) => {
    const space = stack.use(await Namespace.create(device));
    await host.ip(
      `link add ${device} type veth peer name eth0 netns ${space.name}`,
      `link set ${device} up`,
      `route add ${address}/32 dev ${device} src ${HOST}`,
    );
    await space.ip('link set eth0 up', `addr add ${address}/32 dev eth0`, 'route add default dev eth0');
    await host.proxyArp(device);
    await space.proxyArp('eth0');
    await space.serve();
    return space;
  };
  const pods = {
    milan: await join(IN.milan, 'veth1'),
    sister: await join(IN.sister, 'veth2'),
    turin: await join(IN.turin, 'veth3'),
    own: await join(IN.own, 'veth4'),
    home: await join(IN.home, 'ovl'),
  };
  const outside = await join(OUTSIDE, 'eth9');
  const beside = await join(BESIDE, 'eth8');
  await host.serve();
  const table = new NatTable({ table: 'tombolo-isolation', run: host.run });
  const set = (now: IsolationMembers) => table.apply(renderIsolationTable(STATE), signal, isolationSets(STATE, now));
  const passes = async (from: Namespace, to: string) => (await from.ask('tcp', to, PORT)) !== 'nothing';
  return { host, pods, outside, beside, table, set, passes };
}

describe(`isolation${missing === undefined ? '' : ` (skipped: ${missing})`}`, { timeout: 120_000 }, () => {
  test('keeps pods of a twin to their own consumer and the world outside, in both directions', async () => {
    await using stack = new AsyncDisposableStack();
    const { host, pods, outside, beside, table, set, passes } = await makeNode(stack);
    const ways = {
      'milan to sister': [pods.milan, IN.sister],
      'milan to home': [pods.milan, IN.home],
      'milan to outside': [pods.milan, OUTSIDE],
      'home to milan': [pods.home, IN.milan],
      'outside to milan': [outside, IN.milan],
      'beside the nodes to milan': [beside, IN.milan],
      'host to milan': [host, IN.milan],
      'own to home': [pods.own, IN.home],
      'milan to turin': [pods.milan, IN.turin],
      'milan to own': [pods.milan, IN.own],
      'milan to host': [pods.milan, HOST],
      'milan to beside the nodes': [pods.milan, BESIDE],
      'own to milan': [pods.own, IN.milan],
      'home to turin': [pods.home, IN.turin],
      'turin to home of milan': [pods.turin, IN.home],
    } as const;
    const world = () =>
      mapLimit(Object.entries(ways), AT_ONCE, async ([way, [from, to]]) => `${way}: ${await passes(from, to)}`);
    expect((await world()).join()).not.toContain('false');
    await set(members());
    expect(await world()).toEqual([
      'milan to sister: true',
      'milan to home: true',
      'milan to outside: true',
      'home to milan: true',
      'outside to milan: true',
      'beside the nodes to milan: true',
      'host to milan: true',
      'own to home: true',
      'milan to turin: false',
      'milan to own: false',
      'milan to host: false',
      'milan to beside the nodes: false',
      'own to milan: false',
      'home to turin: false',
      'turin to home of milan: false',
    ]);
    const counters = await table.counters(signal);
    for (const name of ['refused_twin_out', 'refused_twin_in', 'refused_twin_to_node'])
      expect(counters.get(name)?.packets).toBeGreaterThan(0);
    // A twin that runs on another node.
    await set(members({ here: [] }));
    expect(await passes(host, IN.milan)).toBe(false);
    await table.cleanup(signal);
    expect(await passes(pods.milan, IN.own)).toBe(true);
  });

  test('opens what is offered to whom it is offered, on its port, from the side of the consumer', async () => {
    await using stack = new AsyncDisposableStack();
    const { pods, set, passes } = await makeNode(stack);
    await set(members({}, [`${IN.own} . tcp . ${PORT}`, `${HOST} . tcp . ${PORT}`]));
    expect(await passes(pods.milan, IN.own)).toBe(true);
    expect(await passes(pods.milan, HOST)).toBe(true);
    expect(await passes(pods.turin, IN.own)).toBe(false);
    expect(await passes(pods.own, IN.milan)).toBe(false);
    expect(await pods.milan.pings(IN.own)).toBe(false);
    await set(members({ services: [`${HOST} . tcp . ${PORT}`] }));
    expect(await passes(pods.milan, IN.own)).toBe(false);
    expect(await passes(pods.turin, HOST)).toBe(true);
  });

  test('lets errors of the gateway reach a twin about packets that this node saw inside others alone', async () => {
    await using stack = new AsyncDisposableStack();
    const { host, pods, set } = await makeNode(stack);
    const offered = [`${IN.own} . tcp . ${PORT}`] as const;
    // The node knows no connection of it, as if it had come to the gateway through the overlay.
    await host.nft(`table ip raw {
      chain unseen {
        type filter hook prerouting priority raw;
        ip daddr ${IN.own} notrack
        icmp type destination-unreachable notrack
      }
    }`);
    await pods.own.nft(`table ip refuse {
      chain input {
        type filter hook input priority 0;
        tcp dport ${PORT} reject with icmp type net-unreachable
      }
    }`);
    const errorsAt = async () => {
      const [names = '', values = ''] = (await pods.milan.run('cat', ['/proc/net/snmp'])).stdout
        .split('\n')
        .filter((line) => line.startsWith('Icmp:'));
      return Number(values.split(' ')[names.split(' ').indexOf('InDestUnreachs')]);
    };
    await set(members({}, [...offered]));
    await pods.milan.ask('tcp', IN.own, PORT);
    expect(await errorsAt()).toBe(0);
    await set(members({ gateways: [IN.own] }, [...offered]));
    await pods.milan.ask('tcp', IN.own, PORT);
    expect(await errorsAt()).toBeGreaterThan(0);
    expect(await pods.own.pings(IN.milan)).toBe(false);
  });

  test('lets nobody pass whose pod is not known yet, and changes elements alone', async () => {
    await using stack = new AsyncDisposableStack();
    const { host, pods, set, passes, table } = await makeNode(stack);
    const without = new Map([['turin', { pods: [IN.turin], offered: [] }]]);
    await set(members({ tenants: without, here: [IN.turin] }));
    const rules = async () =>
      (await host.run('nft', ['--stateless', '--terse', 'list', 'table', 'inet', 'tombolo-isolation'])).stdout;
    const before = await rules();
    expect(await passes(pods.milan, IN.own)).toBe(true);
    await set(members({ tenants: without, here: [IN.turin], unsettled: ['10.244.1.0/24'], known: [IN.own] }));
    expect(await passes(pods.milan, IN.own)).toBe(false);
    expect(await passes(pods.own, IN.milan)).toBe(false);
    expect(await passes(pods.milan, HOST)).toBe(false);
    expect(await passes(pods.milan, OUTSIDE)).toBe(true);
    expect(await passes(pods.own, IN.home)).toBe(true);
    expect(await rules()).toBe(before);
    expect(await table.isDrifted(signal)).toBe(false);
    await host.run('nft', ['flush', 'set', 'inet', 'tombolo-isolation', 'unsettled4']);
    expect(await table.isDrifted(signal)).toBe(true);
  });
});

describe(`isolation on a bridge${missing === undefined ? '' : ` (skipped: ${missing})`}`, { timeout: 120_000 }, () => {
  test('keeps pods of one bridge apart, and lets answers of what is offered pass', async () => {
    await using stack = new AsyncDisposableStack();
    const host = stack.use(await Namespace.create('host'));
    await host.ip('link add cni0 type bridge', 'addr add 10.244.1.1/24 dev cni0', 'link set cni0 up');
    const join = async (address: string, device: string) => {
      const space = stack.use(await Namespace.create(device));
      await host.ip(
        `link add ${device} type veth peer name eth0 netns ${space.name}`,
        `link set ${device} master cni0`,
        `link set ${device} up`,
      );
      await space.ip('link set eth0 up', `addr add ${address}/24 dev eth0`);
      await space.serve();
      return space;
    };
    const milan = await join(IN.milan, 'veth1');
    const turin = await join(IN.turin, 'veth3');
    const own = await join(IN.own, 'veth4');
    await join(IN.sister, 'veth2');
    const passes = async (from: Namespace, to: string) => (await from.ask('tcp', to, PORT)) !== 'nothing';
    const ways = [
      [milan, IN.sister],
      [milan, IN.turin],
      [milan, IN.own],
      [own, IN.milan],
      [turin, IN.own],
    ] as const;
    const world = () => mapLimit(ways, AT_ONCE, ([from, to]) => passes(from, to));
    expect(await world()).toEqual([true, true, true, true, true]);
    const table = new NatTable({ table: 'tombolo-isolation', family: 'bridge', run: host.run });
    const set = (now: IsolationMembers) => table.apply(renderIsolationBridge(STATE), signal, isolationSets(STATE, now));
    await set(members());
    expect(await world()).toEqual([true, false, false, false, false]);
    await set(members({}, [`${IN.own} . tcp . ${PORT}`]));
    expect(await world()).toEqual([true, false, true, false, false]);
    expect(await table.isDrifted(signal)).toBe(false);
  });
});
