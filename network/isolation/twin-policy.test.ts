import { expect, test } from 'vitest';
import type { IsolationState } from '#network/nat';
import { twinPolicy } from './twin-policy.ts';

const state: IsolationState = {
  overlayDevice: 'none',
  inside: ['10.244.0.0/16', '10.61.0.0/16', '10.62.0.0/16'],
  nodeRanges: ['192.0.2.0/24'],
  localNames: ['169.254.0.0/16'],
  tenants: [
    { name: 'milan', home: ['10.61.0.0/16'] },
    { name: 'turin', home: ['10.62.0.0/16'] },
  ],
};
const service = (name: string, offer: string) => ({
  metadata: { name, namespace: 'db', labels: { 'tombolo.io/offer': offer } },
  spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
});

test('a twin may exchange packets with its consumer and the world outside, and ask names, API and what is offered', () => {
  const { ingress, egress, podSelector } = twinPolicy('milan', {
    state,
    services: [service('one', 'milan'), service('two', 'turin')],
    apiSlices: [
      {
        metadata: { name: 'kubernetes' },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['192.0.2.1'] }],
        ports: [{ port: 6443 }],
      },
    ],
  });
  const twins = {
    namespaceSelector: { matchLabels: { 'tombolo.io/origin': 'milan', 'tombolo.io/component': 'twin' } },
  };
  const block = (cidr: string, ...except: string[]) => ({ ipBlock: { cidr, ...(except.length > 0 && { except }) } });
  expect(podSelector).toEqual({});
  expect(ingress).toEqual([
    { from: [twins, block('10.61.0.0/16')] },
    // Nodes lend their address to what comes in by a node port.
    { from: [block('0.0.0.0/0', '10.244.0.0/16', '10.61.0.0/16', '10.62.0.0/16'), block('::/0')] },
  ]);
  expect(egress).toEqual([
    { to: [twins, block('10.61.0.0/16')] },
    {
      to: [
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
          podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
        },
      ],
    },
    {
      to: [block('169.254.0.0/16')],
      ports: [
        { protocol: 'UDP', port: 53 },
        { protocol: 'TCP', port: 53 },
      ],
    },
    { to: [block('192.0.2.1/32')], ports: [{ protocol: 'TCP', port: 6443 }] },
    {
      to: [
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'db' } },
          podSelector: { matchLabels: { app: 'one' } },
        },
      ],
      ports: [{ protocol: 'TCP', port: 8080 }],
    },
    { to: [block('0.0.0.0/0', ...state.inside, ...state.nodeRanges), block('::/0')] },
  ]);
});
