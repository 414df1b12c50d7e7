import { describe, expect, test } from 'vitest';
import type { NamespaceClaim, NamespaceClaimStatus, Offloading, OffloadingPeerState } from '#pkg/api';
import { offloadingStatus, peerState, summarize } from './offloading-status.ts';

const claim = (status: NamespaceClaimStatus, more: object = {}): NamespaceClaim => ({
  metadata: { name: 'shop', namespace: 'tombolo-tenant-milan', ...more },
  spec: { homeNamespace: 'shop', twinStrategy: 'Default' },
  status,
});
const ACCEPTED: NamespaceClaimStatus = {
  state: 'Accepted',
  reason: 'Accepted',
  message: 'stands',
  twin: 'shop-milan',
  ownerUid: 'u',
};
const line = (peer: string, state: OffloadingPeerState['state'], message = ''): OffloadingPeerState => ({
  peer,
  state,
  reason: state,
  message,
});

describe('status of an Offloading', () => {
  test.each<[string, OffloadingPeerState[], string, string]>([
    ['no peer', [], 'NoPeerSelected', 'no virtual node matches; peer with a cluster or change the selector'],
    ['all accepted', [line('rome', 'Accepted'), line('turin', 'Accepted')], 'AllReady', 'offloaded to rome, turin'],
    ['one waits', [line('rome', 'Accepted'), line('turin', 'Waiting')], 'Waiting', 'waits for turin'],
    ['one refused', [line('rome', 'Accepted'), line('turin', 'Refused', 'taken')], 'SomeFailed', 'turin: taken'],
    [
      'REF-08 two of three accepted',
      [line('rome', 'Accepted'), line('turin', 'Refused', 'taken'), line('genoa', 'Accepted')],
      'SomeFailed',
      'turin: taken',
    ],
    ['all refused', [line('rome', 'Refused', 'taken')], 'AllFailed', 'rome: taken'],
    ['ending ones do not count', [line('rome', 'Accepted'), line('turin', 'Ending')], 'AllReady', 'offloaded to rome'],
  ])('%s', (_what, states, summary, message) => {
    expect(summarize(states)).toEqual({ summary, message });
  });

  test('the last answer of a peer stays while it is away, so that a lost link ends no twin', () => {
    const before = peerState('rome', { state: 'Known', claim: claim(ACCEPTED) }, undefined, false);
    expect(before).toMatchObject({ state: 'Accepted', twin: 'shop-milan', ownerUid: 'u' });
    expect(peerState('rome', { state: 'Away', why: 'no answer' }, before, false)).toBe(before);
  });

  test('a claim of an earlier offloading that still goes is not mistaken for a twin', () => {
    const going = claim(ACCEPTED, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    expect(peerState('rome', { state: 'Known', claim: going }, undefined, false).state).toBe('Ending');
  });

  test('nothing is written where nothing changed, whatever the order of keys in what is stored', () => {
    const fresh: Offloading = { metadata: { name: 'offloading', generation: 1 }, spec: {} };
    const states = [line('turin', 'Accepted'), line('rome', 'Accepted')];
    const status = offloadingStatus(fresh, states, summarize(states), new Date('2026-01-01T00:00:00Z'));
    expect(status.peers?.map((entry) => entry.peer)).toEqual(['rome', 'turin']);
    const stored = { ...fresh, status: Object.fromEntries(Object.entries(status).toReversed()) as typeof status };
    expect(offloadingStatus(stored, states, summarize(states), new Date('2027-01-01T00:00:00Z'))).toBe(stored.status);
  });
});
