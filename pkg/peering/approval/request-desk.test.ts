import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { PEERING_REQUEST, type PeeringRequest } from '#pkg/api';
import { keyOf } from '#pkg/kube';
import { fakeClock, silentLog } from '#pkg/runtime';
import { memoryClient } from '../doubles/memory-client.ts';
import { newIdentity } from '../doubles/peering-bed.ts';
import { isPeeringError } from '../errors.ts';
import { type Fingerprint, parseFingerprint } from '../identity/fingerprint.ts';
import { knownRequests, pollAfterSeconds } from './known-requests.ts';
import { requestDesk } from './request-desk.ts';
import { MAX_WAITING } from './request-state.ts';

const signal = AbortSignal.timeout(60_000);
const body = { clusterName: 'milan', addresses: [], version: '0.1.0', askedAt: 'first' };

/** Keys that nobody holds: the desk is asked behind the TLS that proves them. */
function keys(count: number): Fingerprint[] {
  return Array.from({ length: count }, (_, index) => {
    const fingerprint = parseFingerprint(createHash('sha256').update(String(index)).digest('hex'));
    if (fingerprint === undefined) throw new Error('the fixture is no fingerprint');
    return fingerprint;
  });
}

/** @param lag the cache never sees a request, as one that lags behind */
function desk({ lag = false } = {}) {
  const client = memoryClient();
  const stored = () => (lag ? [] : client.peek<PeeringRequest>(PEERING_REQUEST));
  const served = requestDesk({
    client,
    identity: newIdentity(),
    options: { clusterName: 'rome', version: '0.1.0' },
    addresses: () => [],
    clock: fakeClock(),
    log: silentLog,
    peers: { cached: () => undefined, fresh: async () => undefined, on: () => ({ [Symbol.dispose]() {} }) },
    requests: knownRequests({ list: stored, get: (key) => stored().find((request) => keyOf(request) === key) }),
  });
  const ask = async (asking: Fingerprint): Promise<string> => {
    try {
      return (await served.ask(body, asking, signal)).state;
    } catch (error) {
      if (isPeeringError(error)) return error.code;
      throw error;
    }
  };
  return { client, served, ask };
}

function tally(states: readonly string[]): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const state of states) counted[state] = (counted[state] ?? 0) + 1;
  return counted;
}

describe('the desk for requests', () => {
  test.for([
    ['with a cache that follows', false],
    ['with a cache that lags behind', true],
  ] as const)('PEER-11 one cluster that asks 50 times has one request, %s', async ([, lag]) => {
    const { client, ask } = desk({ lag });
    const [milan] = keys(1);
    if (milan === undefined) throw new Error('there is no key');
    const states = [await ask(milan), ...(await Promise.all(Array.from({ length: 25 }, () => ask(milan))))];
    for (let times = 0; times < 24; times++) states.push(await ask(milan));
    expect(tally(states)).toEqual({ Waiting: 50 });
    expect(client.peek(PEERING_REQUEST)).toHaveLength(1);
  });

  test('what is known costs no write and counts as no try', async () => {
    const { client, served, ask } = desk();
    const [milan, turin] = keys(2);
    if (milan === undefined || turin === undefined) throw new Error('there are no keys');
    await ask(milan);
    const writes = client.writes.length;
    for (let times = 0; times < 49; times++) await ask(milan);
    expect(client.writes.length).toBe(writes);
    expect([served.isKnown(milan), served.isKnown(turin)]).toEqual([true, false]);
  });

  test.for([
    ['with a cache that follows', false],
    ['with a cache that lags behind', true],
  ] as const)('PEER-11 of 500 identities 100 wait and the others are refused, %s', async ([, lag]) => {
    const { client, ask } = desk({ lag });
    const states: string[] = [];
    const all = keys(500);
    for (let first = 0; first < all.length; first += 25)
      states.push(...(await Promise.all(all.slice(first, first + 25).map(ask))));
    expect(tally(states)).toEqual({ Waiting: MAX_WAITING, TooManyRequests: 400 });
    expect(client.peek(PEERING_REQUEST)).toHaveLength(MAX_WAITING);
  });

  test('all at one moment are served in turn, and no queue grows without bound', async () => {
    const { client, ask } = desk({ lag: true });
    const counted = tally(await Promise.all(keys(500).map(ask)));
    expect(Object.keys(counted).toSorted()).toEqual(['PeerBusy', 'Waiting']);
    expect(client.peek(PEERING_REQUEST)).toHaveLength(counted['Waiting'] ?? 0);
  });

  test('the more wait, the less often each may ask', () => {
    expect([0, 10, 50, 100, 1_000].map(pollAfterSeconds)).toEqual([2, 2, 3, 6, 6]);
  });
});
