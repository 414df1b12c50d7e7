import { expect, test } from 'vitest';
import type { EndpointSlice, Node, Service } from '#pkg/kube';
import { nodePortAddresses } from '../cluster-info/own-addresses.ts';
import { serversOfSlices } from './api-address.ts';

const slice = (addressType: string, port: number, ...hosts: [string, boolean?][]): EndpointSlice => ({
  metadata: { name: `kubernetes-${addressType}` },
  addressType,
  ports: [{ name: 'https', port }],
  endpoints: hosts.map(([host, ready = true]) => ({ addresses: [host], conditions: { ready } })),
});

test('API servers are announced by the addresses of ready endpoints, IPv4 first', () => {
  const slices = [
    slice('IPv6', 6443, ['fd00::3']),
    slice('IPv4', 6443, ['198.18.0.3'], ['198.18.0.4', false], ['198.18.0.5'], ['198.18.0.3']),
  ];
  expect(serversOfSlices(slices)).toEqual([
    'https://198.18.0.3:6443',
    'https://198.18.0.5:6443',
    'https://[fd00::3]:6443',
  ]);
});

test('at most four are named', () => {
  const hosts = Array.from({ length: 9 }, (_, index): [string] => [`198.18.0.${index + 1}`]);
  expect(serversOfSlices([slice('IPv4', 6443, ...hosts)])).toHaveLength(4);
  expect(serversOfSlices([])).toEqual([]);
});

const node = (name: string, ready: boolean, addresses: Record<string, string>): Node => ({
  metadata: { name },
  status: {
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    addresses: Object.entries(addresses).map(([type, address]) => ({ type, address })),
  },
});

test('the peering endpoint is named by its node port on Ready nodes, external addresses first', () => {
  const service: Service = {
    metadata: { name: 'tombolo-peering' },
    spec: { ports: [{ port: 7443, nodePort: 30443 }] },
  };
  const nodes = [
    node('b', true, { InternalIP: '198.18.0.3', Hostname: 'b' }),
    node('a', true, { InternalIP: 'fd00::2', ExternalIP: '192.0.2.7' }),
    node('down', false, { InternalIP: '198.18.0.9' }),
  ];
  expect(nodePortAddresses(service, nodes)).toEqual(['192.0.2.7:30443', '[fd00::2]:30443', '198.18.0.3:30443']);
  expect(nodePortAddresses({ metadata: { name: 'tombolo-peering' } }, nodes)).toEqual([]);
});
