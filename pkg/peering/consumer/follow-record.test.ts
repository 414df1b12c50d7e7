import { expect, test } from 'vitest';
import { SECRET, type Secret } from '#pkg/kube';
import { fakeClock, silentLog } from '#pkg/runtime';
import { PeeringError } from '../errors.ts';
import { memoryClient } from '../doubles/memory-client.ts';
import { newIdentity, peeringBed } from '../doubles/peering-bed.ts';
import { followRecord } from './follow-record.ts';
import { credentialsOfSecret, type PeerCredentials } from './peer-credentials.ts';
import { consumerSession } from './session.ts';

const signal = AbortSignal.timeout(60_000);
/** Nothing listens there. */
const DEAD = '127.0.0.1:1';

/** Milan, whose peer rome (a real endpoint on loopback) is no longer at `DEAD`; `recorded` is what discovery says. */
async function scene(recorded: (places: { rome: string; other: string }) => string[]) {
  const stack = new AsyncDisposableStack();
  const [rome, other] = [stack.use(await peeringBed()), stack.use(await peeringBed())];
  const identity = newIdentity();
  rome.addPeer('milan', identity);
  rome.peersChanged();
  const home = memoryClient();
  const clock = fakeClock();
  const asked: string[] = [];
  const deps = {
    home,
    identity,
    clusterName: 'milan',
    version: '0.1.0',
    addresses: () => [],
    recorded: (key: string) => {
      asked.push(key);
      return recorded({ rome: rome.provider.address, other: other.provider.address });
    },
    clock,
    log: silentLog,
  };
  const session = stack.use(consumerSession(deps));
  const credentials: PeerCredentials = {
    peer: 'rome',
    origin: 'milan',
    tenantNamespace: 'tombolo-tenant-milan',
    path: 'Direct',
    server: 'https://198.18.0.3:6443',
    servers: ['https://198.18.0.3:6443'],
    relayAllowed: true,
    caPem: 'CA',
    token: 'token',
    expiresAt: new Date(clock.wall().getTime() + 3600_000),
    lifetimeSeconds: 3600,
    addresses: [DEAD],
    fingerprint: rome.provider.identity.fingerprint,
    suspended: false,
  };
  const fail = (code: 'PeerUnreachable' | 'IdentityChanged', failures = 2) =>
    Object.assign(session.endpoint, {
      failures,
      error: new PeeringError(code, { attempted: 'look', where: DEAD, why: 'it did not answer' }),
    });
  return {
    rome,
    asked,
    clock,
    session,
    fail,
    follow: () => followRecord(deps, credentials, session, signal),
    stored: () => credentialsOfSecret(home.peek<Secret>(SECRET)[0]),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test('a peer that has moved is found where a record names it, and only where its key is proven', {
  timeout: 30_000,
}, async () => {
  await using milan = await scene(({ rome, other }) => [other, rome, DEAD]);
  milan.fail('PeerUnreachable');
  expect(await milan.follow()).toBe(true);
  expect(milan.asked).toEqual([milan.rome.provider.identity.fingerprint]);
  expect(milan.stored()).toMatchObject({ addresses: [milan.rome.provider.address, DEAD], token: 'token' });
  expect(milan.session.nextLookAtMs).toBe(milan.clock.now());
});

test('a record of somebody else changes nothing, and is tried less and less often', { timeout: 30_000 }, async () => {
  await using milan = await scene(({ other }) => [other]);
  milan.fail('PeerUnreachable');
  expect(await milan.follow()).toBe(false);
  expect(milan.stored()).toBeUndefined();
  expect(milan.session.following.notBeforeMs).toBeGreaterThan(milan.clock.now());
  expect(await milan.follow()).toBe(false);
  expect(milan.asked.length).toBe(1);
});

test.each([
  ['is reached', undefined, 0],
  ['has missed one look', 'PeerUnreachable', 1],
  ['shows another key', 'IdentityChanged', 5],
] as const)('nothing is tried for a peer that %s', async (_, code, failures) => {
  await using milan = await scene(({ rome }) => [rome]);
  if (code !== undefined) milan.fail(code, failures);
  expect(await milan.follow()).toBe(false);
  expect(milan.asked).toEqual([]);
});
