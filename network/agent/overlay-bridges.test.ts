import { expect, test } from 'vitest';
import { type ListedLink, trustedPorts } from './overlay-bridges.ts';

const bridge = (ifindex: number, ifname: string, address: string): ListedLink => ({
  ifindex,
  ifname,
  linkinfo: { info_kind: 'bridge' },
  addr_info: [{ local: address }],
});
const port = (ifindex: number, ifname: string, master: string, kind?: string): ListedLink => ({
  ifindex,
  ifname,
  master,
  linkinfo: { ...(kind !== undefined && { info_kind: kind }), info_slave_kind: 'bridge' },
});
const links = [
  { ifindex: 2, ifname: 'eth0', addr_info: [{ local: '192.0.2.1' }] },
  bridge(3, 'cni0', '10.244.1.1'),
  port(7, 'veth7', 'cni0', 'veth'),
  port(8, 'veth8', 'cni0', 'veth'),
  port(9, 'tap9', 'cni0', 'tun'),
  port(4, 'eth1', 'cni0'),
  port(5, 'bond0.7', 'cni0', 'vlan'),
];
const state = { overlayPort: 51_840, nodeAddress: '192.0.2.1', gatewayLink: 8 };

test('the gateway and what leads out of the node are trusted, other pods and machines in their place are not', () => {
  expect(trustedPorts(links, state)).toEqual(['bond0.7', 'eth1', 'veth8']);
  expect(trustedPorts(links, { ...state, gatewayLink: undefined })).toEqual(['bond0.7', 'eth1']);
});

test('a number that is no port of a bridge gives no trust', () => {
  expect(trustedPorts(links, { ...state, gatewayLink: 2 })).toEqual(['bond0.7', 'eth1']);
});

test('of a bridge that has the address of the node every port may be another machine', () => {
  const uplink = [bridge(10, 'br0', '192.0.2.9'), port(11, 'veth11', 'br0', 'veth')];
  expect(trustedPorts([...links, ...uplink], { ...state, nodeAddress: '192.0.2.9' })).toContain('veth11');
  expect(trustedPorts([...links, ...uplink], state)).not.toContain('veth11');
});
