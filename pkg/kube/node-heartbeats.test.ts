import { expect, test } from 'vitest';
import type { InformerHandler } from './informer-interface.ts';
import { trimNode, withoutHeartbeats } from './node-heartbeats.ts';
import type { Node } from './types.ts';

const node = (resourceVersion: string, heartbeat: string, ready = 'True'): Node =>
  trimNode({
    metadata: { name: 'n1', uid: 'u', resourceVersion },
    status: {
      images: [{ names: ['large'] }],
      conditions: [{ type: 'Ready', status: ready, lastHeartbeatTime: heartbeat }],
      allocatable: { cpu: '2' },
    },
  });

test('a heartbeat is no news; a condition, an arrival and an end are', () => {
  let change: InformerHandler<Node> = () => {};
  const told: string[] = [];
  withoutHeartbeats({
    on(handler) {
      change = handler;
      return { [Symbol.dispose]: () => {} };
    },
  }).on((old, current) => told.push(`${old?.metadata.resourceVersion} ${current?.metadata.resourceVersion}`));
  change(undefined, node('1', '10:00'), true);
  change(node('1', '10:00'), node('2', '10:05'), false);
  change(node('2', '10:05'), node('3', '10:10', 'False'), false);
  change(node('3', '10:10', 'False'), undefined, false);
  expect(told).toEqual(['undefined 1', '2 3', '3 undefined']);
});

test('what is left of a node is all but images and times of heartbeats', () => {
  expect(node('1', '10:00')).toEqual({
    metadata: { name: 'n1', uid: 'u', resourceVersion: '1' },
    status: { conditions: [{ type: 'Ready', status: 'True' }], allocatable: { cpu: '2' } },
  });
  expect(trimNode({ metadata: { name: 'n1' } })).toEqual({ metadata: { name: 'n1' } });
});
