import { expect, test } from 'vitest';
import type { ClusterNetwork } from '#pkg/api';
import { isolationCondition } from './isolation-condition.ts';

const network = (isolation?: boolean): ClusterNetwork => ({
  metadata: { name: 'cluster' },
  spec: { podRanges: ['10.244.0.0/16'], anchorRange: '10.252.0.0/20', ...(isolation !== undefined && { isolation }) },
});
const agents = (desiredNumberScheduled: number, numberReady: number) => ({
  metadata: { name: 'tombolo-agent' },
  status: { desiredNumberScheduled, numberReady, currentNumberScheduled: 0, numberMisscheduled: 0 },
});

test.each([
  ['all nodes have their rules', network(), agents(3, 3), 'True PacketRules'],
  ['one node does not have them', network(true), agents(3, 2), 'False AgentsNotReady'],
  ['there is no agent', network(), undefined, 'False AgentsNotReady'],
  ['the admin opened it', network(false), agents(3, 3), 'False Open'],
])('where %s', (_, object, daemonSet, expected) => {
  const { status, reason } = isolationCondition(object, daemonSet);
  expect(`${status} ${reason}`).toBe(expected);
});
