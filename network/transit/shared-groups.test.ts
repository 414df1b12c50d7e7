import { expect, test } from 'vitest';
import type { Offloading, OffloadingPeerState } from '#pkg/api';
import { partnersOf, sharedGroups } from './shared-groups.ts';

const offloading = (namespace: string, states: Record<string, OffloadingPeerState['state']>): Offloading => ({
  metadata: { name: 'offloading', namespace },
  spec: {},
  status: {
    peers: Object.entries(states).map(([peer, state]) => ({ peer, state, reason: '', message: '' })),
  },
});

test('namespaces with twins at the same peers are one group; those with one peer, and twins that are none yet, are in none', () => {
  const groups = sharedGroups([
    offloading('shop', { turin: 'Accepted', rome: 'Accepted', pisa: 'Waiting' }),
    offloading('bank', { turin: 'Accepted' }),
    offloading('blog', { rome: 'Accepted', turin: 'Accepted', siena: 'Ending' }),
    offloading('all', { rome: 'Accepted', turin: 'Accepted', pisa: 'Accepted', siena: 'Refused' }),
    { metadata: { name: 'offloading', namespace: 'new' }, spec: {} },
  ]);
  expect(groups).toEqual([
    { peers: ['pisa', 'rome', 'turin'], namespaces: new Set(['all']) },
    { peers: ['rome', 'turin'], namespaces: new Set(['shop', 'blog']) },
  ]);
  expect(partnersOf(groups, 'rome')).toEqual(new Set(['turin', 'pisa']));
  expect(partnersOf(groups, 'siena')).toEqual(new Set());
});
