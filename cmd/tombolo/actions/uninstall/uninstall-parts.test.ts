import { describe, expect, test } from 'vitest';
import { type InUse, whatToEnd } from './in-use.ts';
import { withoutOurs } from './leftovers.ts';

const NOTHING: InUse = { peers: [], virtualNodes: [], offloadings: [], lent: [] };

describe('whatToEnd', () => {
  test('is empty where nothing stands', () => {
    expect(whatToEnd(NOTHING)).toEqual([]);
  });

  test('names each thing with the command that ends it', () => {
    const inUse: InUse = {
      peers: [{ metadata: { name: 'rome' }, spec: { roles: ['Consume'] } }],
      virtualNodes: [
        { metadata: { name: 'rome' }, spec: { peer: 'rome' } },
        { metadata: { name: 'lost' }, spec: { peer: 'gone' } },
      ],
      offloadings: [{ metadata: { name: 'offloading', namespace: 'shop' }, spec: {} }],
      lent: ['web-rome'],
    };
    expect(whatToEnd(inUse)).toEqual([
      'namespace shop is offloaded: `tombolo unoffload shop`',
      'peer rome: `tombolo unpeer rome`',
      'virtual node lost: `kubectl delete virtualnode lost`',
    ]);
    expect(whatToEnd({ ...NOTHING, lent: ['web-rome'] })).toEqual([
      'namespace web-rome is lent: `kubectl delete namespace web-rome`',
    ]);
  });
});

describe('withoutOurs', () => {
  test('takes our labels and annotations and nothing else', () => {
    const labels = { 'tombolo.io/offload': 'true', app: 'shop' };
    expect(withoutOurs({ labels, annotations: { 'tombolo.io/reflect': 'false', 'not-tombolo.io/x': '' } })).toEqual({
      metadata: { labels: { 'tombolo.io/offload': null }, annotations: { 'tombolo.io/reflect': null } },
    });
    expect(withoutOurs({ labels: { app: 'shop' } })).toBeUndefined();
    expect(withoutOurs({})).toBeUndefined();
  });
});
