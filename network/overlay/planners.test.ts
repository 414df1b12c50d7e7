import { describe, expect, test } from 'vitest';
import type { ActualRoute, Link } from './actual.ts';
import { overlayMac } from './mac.ts';
import { planAddresses } from './plan-addresses.ts';
import { LINK_GROUP, planLink } from './plan-link.ts';
import { planForwarding, planNeighbours } from './plan-neighbours.ts';
import { foreignRoute } from './foreign-route.ts';
import { planRoutes } from './plan-routes.ts';
import type { OverlayDevice } from './state.ts';

const device: OverlayDevice = {
  name: 'vx',
  vni: 7,
  port: 51_840,
  local: '192.0.2.1',
  mtuBytes: 1370,
  addresses: ['10.200.0.1'],
};
const mac = overlayMac('192.0.2.1');
const standing: Link = {
  name: 'vx',
  kind: 'vxlan',
  group: LINK_GROUP,
  mac,
  mtuBytes: 1370,
  isUp: true,
  ipv6AddressMode: 'none',
  vxlan: { vni: 7, port: 51_840, local: '192.0.2.1', learns: false },
};
const ADD = `link add vx mtu 1370 address ${mac} group 51840 type vxlan id 7 local 192.0.2.1 dstport 51840 nolearning`;

describe('overlayMac', () => {
  test('is a local station address, and the same wherever it is worked out', () => {
    expect(overlayMac('192.0.2.1')).toBe('02:37:fc:ff:24:bf');
    expect(overlayMac('192.0.2.2')).not.toBe(overlayMac('192.0.2.1'));
  });
});

describe('planLink', () => {
  test.each<[string, Link[], string[]]>([
    ['makes a link that is missing', [], [ADD]],
    ['leaves a right one alone', [standing], []],
    [
      'corrects what can be corrected',
      [{ ...standing, mtuBytes: 1500, isUp: false }],
      ['link set vx mtu 1370', 'link set vx up'],
    ],
    ['takes IPv6 its own address', [{ ...standing, ipv6AddressMode: 'eui64' }], ['link set vx addrgenmode none']],
    [
      'makes a link anew where the outer address moved',
      [{ ...standing, vxlan: { ...standing.vxlan, learns: false, local: '192.0.2.9' } }],
      ['link del vx', ADD],
    ],
    [
      'does not mind the VXLAN of somebody else on another port',
      [standing, { ...standing, name: 'flannel.1', group: 'default', vxlan: { port: 8472, learns: false } }],
      [],
    ],
  ])('%s', (_, links, lines) => {
    expect(planLink(device, links)).toEqual(lines);
  });

  test.each<[string, Link, string]>([
    ['a link of our name that is not ours', { ...standing, group: 'default' }, 'OverlayLinkForeign'],
    ['the VXLAN of somebody else on our port', { ...standing, name: 'other', group: 'default' }, 'OverlayPortTaken'],
  ])('refuses %s', (_, link, code) => {
    expect(() => planLink(device, [link])).toThrow(expect.objectContaining({ code }));
  });
});

describe('planAddresses', () => {
  test('takes away what is too much before it adds, so that the first one is primary', () => {
    expect(planAddresses('vx', ['10.200.0.1', 'fd00::1'], ['10.9.9.9/32', '10.200.0.1/24'])).toEqual([
      'addr del 10.9.9.9/32 dev vx',
      'addr del 10.200.0.1/24 dev vx',
      'addr add 10.200.0.1/32 dev vx',
      'addr add fd00::1/128 dev vx nodad',
    ]);
    expect(planAddresses('vx', ['10.200.0.1'], ['10.200.0.1/32'])).toEqual([]);
  });
});

describe('planForwarding and planNeighbours', () => {
  const [two, three] = ['192.0.2.2', '192.0.2.3'].map((underlay) => overlayMac(underlay));
  const remotes = [
    { underlay: '192.0.2.2', addresses: ['10.200.0.2', 'fd00::2'] },
    { underlay: '192.0.2.3', addresses: ['10.200.0.3'] },
  ];

  test('add the new remote, put right the wrong one, drop the old one', () => {
    const forwarding = [
      { mac: `${two}`, underlay: '192.0.2.2', isPermanent: false },
      { mac: '02:00:00:00:00:09', underlay: '192.0.2.9', isPermanent: true },
    ];
    expect(planForwarding('vx', remotes, forwarding)).toEqual([
      `fdb replace ${two} dev vx dst 192.0.2.2 self permanent`,
      `fdb replace ${three} dev vx dst 192.0.2.3 self permanent`,
      'fdb del 02:00:00:00:00:09 dev vx dst 192.0.2.9 self',
    ]);
    const neighbours = [
      { address: '10.200.0.2', mac: `${two}` },
      { address: '10.200.0.3', mac: '02:00:00:00:00:09' },
      { address: '10.200.0.9', mac: '02:00:00:00:00:09' },
    ];
    expect(planNeighbours('vx', remotes, neighbours)).toEqual([
      `neigh replace fd00::2 lladdr ${two} dev vx nud permanent`,
      `neigh replace 10.200.0.3 lladdr ${three} dev vx nud permanent`,
      'neigh del 10.200.0.9 dev vx',
    ]);
  });
});

describe('foreignRoute', () => {
  const desired = [{ destination: '10.71.0.0/16', via: '10.200.0.1' }];
  const route = (destination: string, device: string, metric = 0) => ({
    destination,
    device,
    metric,
    via: '192.0.2.9',
  });

  test.each([
    ['the same range with a better metric', route('10.71.0.0/16', 'eth1')],
    ['a part of it with whatever metric', route('10.71.3.4', 'eth1', 60_000)],
  ])('names %s', (_, other) => {
    const error = foreignRoute('vx', desired, [route('default', 'eth0'), other]);
    expect(error).toMatchObject({
      code: 'OverlayRouteForeign',
      where: `route ${other.destination} via 192.0.2.9 dev eth1`,
    });
  });

  test('is silent about our own, wider ones, and those that come after ours', () => {
    const harmless = [
      route('10.71.0.0/16', 'vx', 51_840),
      route('10.0.0.0/8', 'eth1'),
      route('10.71.0.0/16', 'eth1', 60_000),
      route('fd00::/8', 'eth1'),
    ];
    expect(foreignRoute('vx', desired, harmless)).toBeUndefined();
  });
});

describe('planRoutes', () => {
  const ours = (destination: string, via: string, mtuBytes?: number): ActualRoute => ({
    destination,
    via,
    metric: 51_840,
    ...(mtuBytes === undefined ? {} : { mtuBytes }),
  });

  test('moves a range to the new gateway before it drops another', () => {
    const before = [ours('10.71.0.0/16', '10.200.0.1'), ours('10.72.0.0/16', '10.200.0.1')];
    expect(planRoutes('vx', [{ destination: '10.71.0.0/16', via: '10.200.0.2' }], before)).toEqual([
      'route replace 10.71.0.0/16 via 10.200.0.2 dev vx onlink proto 204 metric 51840',
      'route del 10.72.0.0/16 via 10.200.0.1 dev vx metric 51840',
    ]);
  });

  test('knows a single address that the kernel lists without length, and the mtu of a route', () => {
    const desired = [
      { destination: '10.71.0.5/32', via: '10.200.0.1' },
      { destination: 'fd71::/64', via: 'fd00::1', mtuBytes: 1300 },
    ];
    const same = [ours('10.71.0.5', '10.200.0.1'), ours('fd71::/64', 'fd00::1', 1300)];
    expect(planRoutes('vx', desired, same)).toEqual([]);
    expect(planRoutes('vx', desired, [same[0]!, ours('fd71::/64', 'fd00::1')])).toEqual([
      'route replace fd71::/64 via fd00::1 dev vx onlink proto 204 metric 51840 mtu 1300',
    ]);
  });

  test('drops a route that somebody put on our device, also beside one of ours', () => {
    const before = [
      ours('10.71.0.0/16', '10.200.0.1'),
      { destination: '10.71.0.0/16', via: '10.200.0.66', metric: 0 },
      { destination: 'default', metric: 0 },
    ];
    expect(planRoutes('vx', [{ destination: '10.71.0.0/16', via: '10.200.0.1' }], before)).toEqual([
      'route del 10.71.0.0/16 via 10.200.0.66 dev vx metric 0',
      'route del default dev vx metric 0',
    ]);
  });
});
