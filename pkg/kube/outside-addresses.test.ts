import { expect, test } from 'vitest';
import { nodePortAddresses } from './outside-addresses.ts';
import type { Node, Service } from './types.ts';

const node = (name: string, ready: boolean, addresses: Record<string, string>): Node => ({
  metadata: { name },
  status: {
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    addresses: Object.entries(addresses).map(([type, address]) => ({ type, address })),
  },
});

test('a Service with node ports is named by them on Ready nodes, external addresses first', () => {
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
