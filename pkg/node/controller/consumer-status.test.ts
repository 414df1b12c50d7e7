import { expect, test } from 'vitest';
import type { Grant, VirtualNode } from '#pkg/api';
import { consumerStatus } from './consumer-status.ts';

const virtualNode = {
  metadata: { name: 'rome' },
  spec: { peer: 'rome' },
  status: { used: { pods: '2' } },
} as VirtualNode;

test('maps that became empty are left out: apply would store null for them, and be refused for ever', () => {
  const grant = {
    metadata: { name: 'rome' },
    spec: {},
    status: { granted: { cpu: '1' }, used: {}, free: {}, node: { labels: {}, nodes: 1 } },
  } as Grant;
  const status = consumerStatus(virtualNode, { state: 'Known', grant }, new Date(0));
  expect(status.granted).toEqual({ cpu: '1' });
  expect(status).not.toHaveProperty('used');
  expect(status).not.toHaveProperty('free');
  expect(status.node).toEqual({ nodes: 1 });
});
