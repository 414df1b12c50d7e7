import { afterAll, beforeAll, describe, expect, test as base } from 'vitest';
import { exchangeSets } from './exchange.ts';
import { renderGatewayTable } from './gateway-table.ts';
import { NatTable } from './nat-table.ts';
import type { Exchange, GatewayState, PeerNat } from './state.ts';
import { missingTool, Namespace } from './test-namespace.ts';
import { transitSets } from './transit.ts';

const missing = await missingTool();
const test = missing === undefined ? base : base.skip;
const signal = new AbortController().signal;

type Name = 'a' | 'b' | 'c';
const NAMES: readonly Name[] = ['a', 'b', 'c'];
const PAIRS = NAMES.flatMap((from) => NAMES.filter((to) => to !== from).map((to) => [from, to] as const));

/** Every cluster has 10.0.0.0/16 and fd00::/64. `SEEN.a.b` is where a sees b; numbers collide on purpose. */
const SEEN: Record<Name, Partial<Record<Name, number>>> = {
  a: { b: 61, c: 62 },
  b: { a: 71, c: 61 },
  c: { a: 61, b: 71 },
};
const seen = (who: Name, whom: Name): number => SEEN[who][whom] ?? 0;
/** Where b sees c, and c sees b, behind the hub a. */
const BEHIND = { b: 91, c: 92 } as const;

const ranges = (number: number): string[] => [`10.${number}.0.0/16`, `fd00:${number === 0 ? '' : `${number}:`}:/64`];
const pod = (number: number): string => `10.${number}.1.5`;
const pod6 = (number: number): string => (number === 0 ? 'fd00::5' : `fd00:${number}::5`);
const pairs = (from: number, to: number) =>
  ranges(from).map((original, index) => ({ original, alias: ranges(to)[index] ?? '' }));

function stateOf(me: Name, transit: GatewayState['transit'] = []): GatewayState {
  const other = (peer: Name): Name => (peer === 'b' ? 'c' : 'b');
  const peers = NAMES.filter((name) => name !== me).map((name): PeerNat => {
    const isLeaf = me !== 'a' && name === 'a';
    const third = me === 'a' && name !== 'a' ? pairs(seen('a', other(name)), BEHIND[name]) : [];
    return {
      name,
      ranges: [...ranges(seen(me, name)), ...(isLeaf ? ranges(BEHIND[me]) : [])],
      announced: [...pairs(0, seen(name, me)), ...third],
    };
  });
  return {
    tunnelDevice: 'wan',
    overlay: { device: 'lan', port: 51_840, senders: [] },
    ownRanges: ranges(0),
    peers,
    transit,
  };
}

interface Cluster {
  readonly gateway: Namespace;
  readonly pod: Namespace;
  readonly table: NatTable;
}

// A switch stands in for the tunnel: what the rules see is the same, an address on a device and the peer's addresses.
describe(`clusters with one range${missing === undefined ? '' : ` (skipped: ${missing})`}`, { timeout: 60_000 }, () => {
  const stack = new AsyncDisposableStack();
  const clusters = new Map<Name, Cluster>();
  const at = (name: Name): Cluster => clusters.get(name) ?? expect.unreachable();
  const count = async (name: Name, counter: string) =>
    (await at(name).table.counters(signal)).get(counter)?.packets ?? -1;

  beforeAll(async () => {
    if (missing !== undefined) return;
    const wire = stack.use(await Namespace.create('wire'));
    await wire.ip('link add br0 type bridge', 'link set br0 up');
    for (const [index, name] of NAMES.entries()) {
      clusters.set(name, await makeCluster(stack, wire, name, index + 1));
    }
    for (const name of NAMES) await at(name).table.apply(renderGatewayTable(stateOf(name)), signal);
  }, 120_000);
  afterAll(() => stack.disposeAsync(), 60_000);

  test.for(PAIRS)('TCP, UDP and ping pass from %s to %s, which sees the alias of the one pod', async ([from, to]) => {
    const there = seen(from, to);
    const source = seen(to, from);
    expect(await at(from).pod.ask('tcp', pod(there))).toBe(pod(source));
    expect(await at(from).pod.ask('udp', pod(there))).toBe(pod(source));
    expect(await at(from).pod.ask('tcp', pod6(there))).toBe(pod6(source));
    expect(await at(from).pod.pings(pod(there))).toBe(true);
  });

  test('drops and counts what was not announced, and what comes from nobody', async () => {
    const gateway = at('b').gateway;
    await gateway.ip('addr add 10.61.3.3/32 dev lo');
    const before = await count('a', 'destination_b');
    expect(await gateway.pings('192.0.2.1', '10.61.3.3')).toBe(false);
    expect(await count('a', 'destination_b')).toBeGreaterThan(before);
    const unknown = await count('a', 'refused_source');
    expect(await gateway.pings(pod(seen('b', 'a')), '192.0.2.2')).toBe(false);
    expect(await count('a', 'refused_source')).toBeGreaterThan(unknown);
  });

  test('lets no source out that was not announced', async () => {
    await at('b').pod.ip('addr add 10.5.5.5/32 dev lo');
    const before = await count('b', 'refused_outbound');
    expect(await at('b').pod.pings(pod(seen('b', 'a')), '10.5.5.5')).toBe(false);
    expect(await count('b', 'refused_outbound')).toBeGreaterThan(before);
  });

  test('passes between two peers only where transit is allowed, each seen under an address of its own', async () => {
    const before = await count('a', 'refused_inbound');
    expect(await at('b').pod.ask('tcp', pod(BEHIND.b))).toBe('nothing');
    expect(await count('a', 'refused_inbound')).toBeGreaterThan(before);
    await at('a').table.apply(renderGatewayTable(stateOf('a', [['b', 'c']])), signal);
    expect(await at('b').pod.ask('tcp', pod(BEHIND.b))).toBe(pod(BEHIND.c));
    expect(await at('c').pod.ask('udp', pod6(BEHIND.c))).toBe(pod6(BEHIND.b));
    // A side that was not told of the other: its packets would arrive with a source that means somebody else.
    const state = stateOf('a', [['b', 'c']]);
    const untold = state.peers.map((peer) =>
      peer.name === 'c' ? { ...peer, announced: pairs(0, seen('c', 'a')) } : peer,
    );
    await at('a').table.apply(renderGatewayTable({ ...state, peers: untold }), signal);
    expect(await at('b').pod.ask('tcp', pod(BEHIND.b))).toBe('nothing');
    await at('a').table.apply(renderGatewayTable(stateOf('a')), signal);
  });

  test('passes between two peers within a group of addresses only, and ends what goes on when one leaves it', async () => {
    const { table } = at('a');
    const text = renderGatewayTable({ ...stateOf('a', [['b', 'c']]), transitGroups: 2 });
    const [one, other] = [pod(seen('a', 'b')), pod(seen('a', 'c'))];
    await table.apply(text, signal, transitSets([[one], [other]]));
    expect(await at('b').pod.ask('tcp', pod(BEHIND.b))).toBe('nothing');
    await table.updateSets(transitSets([[], [other, one]]), signal);
    expect(await at('b').pod.ask('tcp', pod(BEHIND.b))).toBe(pod(BEHIND.c));
    expect(await at('c').pod.ask('udp', pod(BEHIND.c))).toBe(pod(BEHIND.b));
    await table.updateSets(transitSets([[one], [other]]), signal);
    expect(await at('c').pod.pings(pod(BEHIND.c))).toBe(false);
    expect(await table.isDrifted(signal)).toBe(false);
    await table.apply(renderGatewayTable(stateOf('a')), signal);
  });

  test('lets an isolated peer reach only pods that run for it, and its own only from those that it runs for us', async () => {
    const state = stateOf('b');
    const peers = state.peers.map((peer) => ({ ...peer, isIsolated: peer.name === 'a' }));
    const sets = (exchange: Exchange) => exchangeSets(peers, new Map([['a', exchange]]));
    const { table } = at('b');
    await table.apply(renderGatewayTable({ ...state, peers }), signal, sets({ lent: [], ours: [] }));
    const [home, remote] = [pod(0), pod(seen('b', 'a'))];
    const asks = async () => [
      await at('a').pod.ask('tcp', pod(seen('a', 'b'))),
      await at('b').pod.ask('tcp', remote),
      await at('c').pod.ask('tcp', pod(seen('c', 'b'))),
    ];
    const [fromA, fromB, fromC] = [pod(seen('b', 'a')), pod(seen('a', 'b')), pod(seen('b', 'c'))];
    expect(await asks()).toEqual(['nothing', 'nothing', fromC]);
    expect(await count('b', 'isolated_a')).toBeGreaterThan(1);
    expect(await table.updateSets(sets({ lent: [home], ours: [] }), signal)).toBe(true);
    expect(await asks()).toEqual([fromA, fromB, fromC]);
    expect(await table.updateSets(sets({ lent: [], ours: [remote] }), signal)).toBe(true);
    expect(await asks()).toEqual([fromA, fromB, fromC]);
    const offered = [`${home} . tcp . 7000`] as const;
    expect(await table.updateSets(sets({ lent: [], ours: [], offered }), signal)).toBe(true);
    expect(await asks()).toEqual([fromA, 'nothing', fromC]);
    // What runs for another peer has nothing to do with pods that this one runs for us.
    const lentToAnother = exchangeSets(
      peers,
      new Map([
        ['a', { lent: [], ours: [remote] }],
        ['c', { lent: [home], ours: [] }],
      ]),
    );
    expect(await table.updateSets(lentToAnother, signal)).toBe(true);
    expect(await asks()).toEqual(['nothing', 'nothing', fromC]);
    expect(await table.updateSets(sets({ lent: [], ours: ['10.99.0.1'] }), signal)).toBe(true);
    expect(await asks()).toEqual(['nothing', 'nothing', fromC]);
    expect(await table.isDrifted(signal)).toBe(false);
    await at('b').gateway.nft('delete element inet tombolo ours_a4 { 10.99.0.1 }');
    expect(await table.isDrifted(signal)).toBe(true);
    await table.apply(renderGatewayTable(state), signal);
  });

  test('clamps the segment size to the route behind the tunnel', async () => {
    const { gateway } = at('a');
    const route = `10.${seen('a', 'c')}.0.0/16 via 192.0.2.3 dev wan`;
    await gateway.ip(`route replace ${route} mtu 1200`);
    await at('c').pod.nft(
      'table inet see {\n\tcounter small {\n\t}\n\tchain in {\n\t\ttype filter hook input priority 0;\n' +
        '\t\ttcp flags syn tcp option maxseg size 1160 counter name small\n\t}\n}\n',
    );
    expect(await at('a').pod.ask('tcp', pod(seen('a', 'c')))).toBe(pod(seen('c', 'a')));
    const see = new NatTable({ run: at('c').pod.run, table: 'see' });
    expect((await see.counters(signal)).get('small')?.packets).toBe(1);
    await gateway.ip(`route replace ${route}`);
  });
});

async function makeCluster(stack: AsyncDisposableStack, wire: Namespace, name: Name, number: number): Promise<Cluster> {
  const gateway = stack.use(await Namespace.create(`gw-${name}`));
  const inside = stack.use(await Namespace.create(`pod-${name}`));
  await gateway.ip(
    `link add wan address 02:00:00:00:00:0${number} type veth peer name w${name} netns ${wire.name}`,
    `link add lan type veth peer name eth0 netns ${inside.name}`,
    `addr add 192.0.2.${number}/24 dev wan`,
    `addr add fd99::${number}/64 dev wan nodad`,
    'addr add 10.0.1.1/24 dev lan',
    'addr add fd00::1/64 dev lan nodad',
    'link set wan up',
    'link set lan up',
  );
  await wire.ip(`link set w${name} master br0`, `link set w${name} up`);
  await inside.ip(
    'addr add 10.0.1.5/24 dev eth0',
    'addr add fd00::5/64 dev eth0 nodad',
    'link set eth0 up',
    'route add default via 10.0.1.1',
    'route add ::/0 via fd00::1',
  );
  const settings = ['ip_forward', 'conf/all/rp_filter'].map((key, index) => `net/ipv4/${key}=${1 - index}`);
  await gateway.run('sysctl', ['-qw', ...settings, 'net/ipv6/conf/all/forwarding=1']);
  for (const [index, peer] of NAMES.entries()) {
    if (peer === name) continue;
    const behind = peer === 'a' && name !== 'a' ? [BEHIND[name]] : [];
    // A tunnel asks for no neighbours, so that the rules need not let such questions through.
    await gateway.ip(`neigh add fd99::${index + 1} lladdr 02:00:00:00:00:0${index + 1} dev wan nud permanent`);
    for (const alias of [seen(name, peer), ...behind]) {
      await gateway.ip(
        `route add 10.${alias}.0.0/16 via 192.0.2.${index + 1} dev wan`,
        `route add fd00:${alias}::/64 via fd99::${index + 1} dev wan`,
      );
    }
  }
  await inside.serve();
  return { gateway, pod: inside, table: new NatTable({ run: gateway.run }) };
}
