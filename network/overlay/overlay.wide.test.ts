import { describe, expect, test as base } from 'vitest';
import { Overlay } from './overlay.ts';
import type { OverlayState } from './state.ts';
import { missingTool, Namespace } from './test-namespace.ts';

const missing = await missingTool();
const test = missing === undefined ? base : base.skip;
const signal = new AbortController().signal;

/** Two ends on one wire: a node (`10.244.1.0/24`) and a gateway, behind which `10.61.0.0/16` and `fd61::/64` are. */
const node = (more: Partial<OverlayState> = {}): OverlayState => ({
  device: {
    name: 'vx',
    vni: 7,
    port: 51_840,
    local: '192.0.2.1',
    mtuBytes: 1400,
    addresses: ['10.200.0.1', 'fd20::1'],
  },
  remotes: [{ underlay: '192.0.2.2', addresses: ['10.200.0.2', 'fd20::2'] }],
  routes: [
    { destination: '10.61.0.0/16', via: '10.200.0.2', mtuBytes: 1300 },
    { destination: 'fd61::/64', via: 'fd20::2' },
  ],
  ...more,
});
const gateway: OverlayState = {
  device: { ...node().device, local: '192.0.2.2', addresses: ['10.200.0.2', 'fd20::2'] },
  remotes: [{ underlay: '192.0.2.1', addresses: ['10.200.0.1', 'fd20::1'] }],
  routes: [
    { destination: '10.244.1.0/24', via: '10.200.0.1' },
    { destination: '10.200.0.1/32', via: '10.200.0.1' },
    { destination: 'fd20::1/128', via: 'fd20::1' },
  ],
};

async function wired(left: Namespace, right: Namespace): Promise<void> {
  await left.ip(`link add eth0 type veth peer name eth0 netns ${right.name}`);
  await left.ip('addr add 192.0.2.1/24 dev eth0', 'link set eth0 up', 'addr add 10.244.1.5/32 dev lo');
  await right.ip(
    'addr add 192.0.2.2/24 dev eth0',
    'link set eth0 up',
    'addr add 10.61.0.9/32 dev lo',
    'addr add fd61::9/128 dev lo',
  );
}

const overlay = (space: Namespace): Overlay =>
  new Overlay({ run: space.run, sysctls: space.sysctls, forwarding: 'enable' });

async function world(space: Namespace): Promise<string> {
  const parts = [['link'], ['addr'], ['route'], ['-6', 'route'], ['neigh', 'show', 'nud', 'permanent']];
  const texts = await Promise.all(parts.map(async (args) => (await space.run('ip', ['-o', ...args])).stdout));
  const entries = (await space.run('bridge', ['fdb'])).stdout.split('\n');
  const forwarding = entries.filter((line) => line.includes(' dst ')).join('\n');
  // The kernel counts links up, times addresses down and checks them for a second.
  return [...texts, forwarding].join('').replaceAll(/^\d+: |qlen \d+| tentative|valid_lft.*$/gm, '');
}

// Namespaces and forks on a machine that others use too.
describe(`Overlay${missing === undefined ? '' : ` (skipped: ${missing})`}`, { timeout: 60_000 }, () => {
  test('carries both families between a node and a gateway, and applies nothing twice', async () => {
    await using left = await Namespace.create('node');
    await using right = await Namespace.create('gw');
    await wired(left, right);
    expect(await overlay(left).apply(node(), signal)).toContain('link set vx up');
    await overlay(right).apply(gateway, signal);
    expect(await left.pings('10.61.0.9', '10.244.1.5')).toBe(true);
    expect(await left.pings('fd61::9', 'fd20::1')).toBe(true);
    expect(await overlay(left).apply(node(), signal)).toEqual([]);
    expect(await overlay(right).apply(gateway, signal)).toEqual([]);
  });

  test.for([
    ['a route', 'route del 10.61.0.0/16 dev vx metric 51840'],
    ['a route beside ours', 'route add 10.61.0.0/17 dev vx'],
    ['a neighbour', 'neigh replace 10.200.0.2 lladdr 02:00:00:00:00:66 dev vx nud permanent'],
    ['an address', 'addr add 10.200.0.99/24 dev vx'],
    ['the MTU', 'link set vx mtu 1280'],
    ['a device that is down', 'link set vx down'],
    ['a device that is gone', 'link del vx'],
  ])('repairs %s', async ([, change = '']) => {
    await using left = await Namespace.create('drift');
    await using right = await Namespace.create('peer');
    await wired(left, right);
    await overlay(left).apply(node(), signal);
    const before = await world(left);
    await left.ip(change);
    expect(await overlay(left).apply(node(), signal)).not.toEqual([]);
    expect(await world(left)).toBe(before);
  });

  test('moves to another gateway and leaves nothing of the old one', async () => {
    await using left = await Namespace.create('move');
    await using right = await Namespace.create('peer');
    await wired(left, right);
    await overlay(left).apply(node(), signal);
    const moved = node({
      remotes: [{ underlay: '192.0.2.3', addresses: ['10.200.0.3'] }],
      routes: [{ destination: '10.61.0.0/16', via: '10.200.0.3' }],
    });
    await overlay(left).apply(moved, signal);
    const after = await world(left);
    expect(after).toContain('10.61.0.0/16 via 10.200.0.3');
    expect(after).not.toMatch(/192\.0\.2\.2|10\.200\.0\.2|fd20::2/);
    expect(await overlay(left).apply(moved, signal)).toEqual([]);
  });

  test('sends what comes in by one device by a table of its own, and takes that away again', async () => {
    await using left = await Namespace.create('table');
    await using right = await Namespace.create('peer');
    await wired(left, right);
    const before = await world(left);
    const forwarded = { from: 'tunnel', routes: [{ destination: '10.62.0.0/16', via: '10.200.0.2' }] };
    const done = await overlay(left).apply(node({ forwarded }), signal);
    expect(done).toContain('rule add iif tunnel lookup 51840 pref 5184');
    const routes = async () => (await left.run('ip', ['route', 'show', 'table', '51840'])).stdout;
    await left.ip('route add 10.62.0.0/16 via 192.0.2.77', 'link add tunnel type bridge', 'link set tunnel up');
    const way = async (...from: string[]) => (await left.run('ip', ['route', 'get', '10.62.0.9', ...from])).stdout;
    expect(await way('from', '10.9.0.1', 'iif', 'tunnel')).toContain('via 10.200.0.2 dev vx');
    expect(await way()).toContain('via 192.0.2.77 dev eth0');
    await left.ip('route del 10.62.0.0/16', 'link del tunnel');
    expect(await routes()).toContain('10.62.0.0/16 via 10.200.0.2 dev vx');
    expect(await world(left)).not.toContain('10.62.0.0/16');
    expect(await overlay(left).apply(node({ forwarded }), signal)).toEqual([]);
    await left.ip('rule del pref 5184', 'rule add iif other lookup 51840 pref 5184');
    expect(await overlay(left).apply(node({ forwarded }), signal)).toEqual([
      'rule del iif other pref 5184',
      'rule add iif tunnel lookup 51840 pref 5184',
    ]);
    await overlay(left).cleanup('vx', signal);
    expect(await world(left)).toBe(before);
    expect((await left.run('ip', ['rule'])).stdout).not.toContain('5184');
  });

  test('takes neither name, port nor route from others, and says which it was', async () => {
    await using space = await Namespace.create('foreign');
    await space.ip('link add eth0 type bridge', 'addr add 192.0.2.1/24 dev eth0', 'link set eth0 up');
    await space.ip('link add vx type bridge', 'link set vx up', 'route add 10.61.0.0/16 via 192.0.2.77');
    const before = await world(space);
    await expect(overlay(space).apply(node(), signal)).rejects.toMatchObject({ code: 'OverlayLinkForeign' });
    await overlay(space).cleanup('vx', signal);
    expect(await world(space)).toBe(before);

    await space.ip('link del vx', 'link add other type vxlan id 9 local 192.0.2.1 dstport 51840');
    await expect(overlay(space).apply(node(), signal)).rejects.toMatchObject({ code: 'OverlayPortTaken' });

    await space.ip('link del other');
    await overlay(space).apply(node(), signal);
    expect(await world(space)).toContain('10.61.0.0/16 via 192.0.2.77 dev eth0');
  });

  test('leaves nothing of ours', async () => {
    await using left = await Namespace.create('clean');
    await using right = await Namespace.create('peer');
    await wired(left, right);
    const before = await world(left);
    await overlay(left).apply(node(), signal);
    await overlay(left).cleanup('vx', signal);
    await overlay(left).cleanup('vx', signal);
    expect(await world(left)).toBe(before);
  });

  test('refuses a node that forwards nothing, and switches detours and reverse path off', async () => {
    await using left = await Namespace.create('sysctl');
    await using right = await Namespace.create('peer');
    await wired(left, right);
    await left.sysctls.write('net/ipv4/ip_forward', '0');
    await left.sysctls.write('net/ipv4/conf/all/rp_filter', '1');
    const checking = new Overlay({ run: left.run, sysctls: left.sysctls });
    await expect(checking.apply(node(), signal)).rejects.toMatchObject({ code: 'OverlayForwardingOff' });
    const done = await overlay(left).apply(node(), signal);
    expect(done).toContain('sysctl net/ipv4/ip_forward=1');
    expect(await left.sysctls.read('net/ipv4/conf/all/rp_filter')).toBe('0');
    expect(await left.sysctls.read('net/ipv4/conf/vx/send_redirects')).toBe('0');
  });
});
