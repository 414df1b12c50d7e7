import { expect, test } from 'vitest';
import type { Node } from '#pkg/kube';
import { problemOf, problemPatch } from './node-problem.ts';

const now = new Date('2026-02-03T04:05:06.789Z');
const problem = { reason: 'OverlayPortTaken', message: 'the VXLAN other has it' };
const node = (...conditions: object[]): Node => ({
  metadata: { name: 'a', uid: 'u' },
  status: { conditions: [{ type: 'Ready', status: 'True' }, ...conditions] as never },
});
const said = { type: 'tombolo.io/NetworkUnavailable', status: 'True', ...problem, lastTransitionTime: 'then' };

test('a node without a problem is not written to, and one that is well again loses the condition and no other', () => {
  expect(problemPatch(node(), undefined, now)).toBeUndefined();
  expect(problemPatch(node(said), undefined, now)).toEqual({
    metadata: { uid: 'u' },
    status: { conditions: [{ type: 'tombolo.io/NetworkUnavailable', $patch: 'delete' }] },
  });
});

test('a problem is said once, and anew with its first time when it becomes another one', () => {
  expect(problemPatch(node(said), problem, now)).toBeUndefined();
  const time = '2026-02-03T04:05:06Z';
  expect(problemPatch(node(), problem, now)).toMatchObject({
    status: { conditions: [{ ...said, lastTransitionTime: time, lastHeartbeatTime: time }] },
  });
  expect(problemPatch(node(said), { ...problem, reason: 'OverlayLinkForeign' }, now)).toMatchObject({
    status: { conditions: [{ reason: 'OverlayLinkForeign', lastTransitionTime: 'then', lastHeartbeatTime: time }] },
  });
});

test('an error without a code has a reason too', () => {
  expect(problemOf(new Error('x'))).toEqual({ reason: 'AgentFailed', message: 'x' });
});
