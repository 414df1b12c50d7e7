import { expect, test } from 'vitest';
import { keyOf, splitKey } from './object.ts';
import { collectionPath, objectPath } from './resource.ts';
import { LEASE, NODE, POD } from './resources.ts';

test('paths of core and named groups, of namespaces and of the whole cluster', () => {
  expect(collectionPath(POD)).toBe('/api/v1/pods');
  expect(collectionPath(POD, 'shop')).toBe('/api/v1/namespaces/shop/pods');
  expect(objectPath(POD, { namespace: 'shop', name: 'web' }, 'status')).toBe('/api/v1/namespaces/shop/pods/web/status');
  expect(objectPath(NODE, { name: 'rome', namespace: 'ignored' })).toBe('/api/v1/nodes/rome');
  expect(objectPath(LEASE, { namespace: 'a', name: 'b' })).toBe('/apis/coordination.k8s.io/v1/namespaces/a/leases/b');
});

test('a name cannot address another object', () => {
  expect(objectPath(NODE, { name: 'a/b?c' })).toBe('/api/v1/nodes/a%2Fb%3Fc');
  for (const name of ['', '.', '..']) expect(() => objectPath(NODE, { name })).toThrow('not the name of an object');
  expect(() => objectPath(POD, { name: 'web' })).toThrow('without a namespace');
});

test('keys go back to names', () => {
  expect(keyOf({ metadata: { name: 'web', namespace: 'shop' } })).toBe('shop/web');
  expect(keyOf({ metadata: { name: 'rome' } })).toBe('rome');
  expect(splitKey('shop/web')).toEqual({ namespace: 'shop', name: 'web' });
  expect(splitKey('rome')).toEqual({ name: 'rome' });
});
