import { expect, test } from 'vitest';
import { type Condition, PEER, type Peer, typeMeta } from '#pkg/api';
import { memoryClient } from '../doubles/memory-client.ts';
import { waitForPeering } from './wait-for-peering.ts';

/** The first step that is told of a Peer whose key is in doubt for that reason. */
async function firstStep(condition: Pick<Condition, 'status' | 'reason' | 'message'>, observedGeneration = 1) {
  const home = memoryClient();
  const authenticated: Condition = { type: 'Authenticated', lastTransitionTime: '', observedGeneration, ...condition };
  const peer: Peer = {
    ...typeMeta(PEER),
    metadata: { name: 'rome', generation: 1 },
    spec: { roles: ['Consume'], addresses: [] },
    status: { phase: 'Connecting', step: 'redeem the invite', conditions: [authenticated] },
  };
  home.seed(PEER, peer);
  const wish = { peer: 'rome', roles: ['Consume' as const], virtualNode: undefined };
  for await (const { step } of waitForPeering(home, wish, AbortSignal.timeout(5_000))) return step;
  return undefined;
}

test('a step that fails and is tried again says why, so that a time-out names the address', async () => {
  const message = 'redeem the invite: 203.0.113.1:7443 (TCP): no answer within 3 s';
  expect(await firstStep({ status: 'False', reason: 'PeerUnreachable', message })).toBe(
    `redeem the invite: ${message}`,
  );
  expect(await firstStep({ status: 'Unknown', reason: 'Pending', message: 'redeem the invite' })).toBe(
    'redeem the invite',
  );
});

test('what was said about an earlier wish is not told', async () => {
  expect(await firstStep({ status: 'False', reason: 'PeerUnreachable', message: 'x' }, 0)).toBe('redeem the invite');
});
