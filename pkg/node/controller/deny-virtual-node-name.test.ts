import { expect, test } from 'vitest';
import type { Node } from '#pkg/kube';
import { denyVirtualNodeName } from './deny-virtual-node-name.ts';

const virtualNode = { metadata: { name: 'milan-1' }, spec: { peer: 'rome' } };
const node = (providerID?: string): Node => ({
  metadata: { name: 'milan-1' },
  spec: providerID === undefined ? {} : { providerID },
});

test('NODE-05 a name that no Node has, or its own Node, is fine', () => {
  expect(denyVirtualNodeName(virtualNode, undefined)).toBeUndefined();
  expect(denyVirtualNodeName(virtualNode, node('tombolo://rome/milan-1'))).toBeUndefined();
});

test('NODE-05 the name of a real Node, or of the node of another peer, is denied with a reason', () => {
  expect(denyVirtualNodeName(virtualNode, node())).toBe(
    'make VirtualNode milan-1: Node milan-1 exists and is not one of Tombolo; choose another name',
  );
  expect(denyVirtualNodeName(virtualNode, node('aws://i-1'))).toContain('is not one of Tombolo');
  expect(denyVirtualNodeName(virtualNode, node('tombolo://turin/milan-1'))).toContain(
    'belongs to another virtual node',
  );
});
