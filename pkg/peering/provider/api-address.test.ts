import { expect, test } from 'vitest';
import type { EndpointSlice } from '#pkg/kube';
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
