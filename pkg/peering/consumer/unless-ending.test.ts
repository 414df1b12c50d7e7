import { expect, test } from 'vitest';
import { type Peer, PEER, type Role, typeMeta } from '#pkg/api';
import type { InformerHandler } from '#pkg/kube';
import { unlessEnding } from './unless-ending.ts';

const peer = (name: string, roles: Role[], isDeleted = false): Peer => ({
  ...typeMeta(PEER),
  metadata: { name, uid: `uid of ${name}`, ...(isDeleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
  spec: { roles, fingerprint: 'f', addresses: [] },
});
const rome = peer('rome', ['Consume']);

/** A cache that holds `now`, and work that lasts until it is told to end. */
function scene(now: Peer = rome) {
  let handler: InformerHandler<Peer> = () => {};
  const peers = {
    on(added: InformerHandler<Peer>) {
      handler = added;
      added(undefined, now, true);
      return { [Symbol.dispose]: () => (handler = () => {}) };
    },
  };
  const started = Promise.withResolvers<void>();
  const stop = new AbortController();
  let isGivenUp = false;
  const done = unlessEnding(peers, rome, stop.signal, (signal) => {
    started.resolve();
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        isGivenUp = true;
        reject(signal.reason);
      });
    });
  });
  return {
    done,
    started: started.promise,
    stop,
    change: (to: Peer) => handler(now, to, false),
    isGivenUp: () => isGivenUp,
  };
}

test.each([
  ['deleted', peer('rome', ['Consume'], true)],
  ['left with the other direction', peer('rome', ['Provide'])],
])('work for a peer is given up when it is %s, and that is no error', async (_, to) => {
  const { done, started, change, isGivenUp } = scene();
  await started;
  change({ ...rome, status: { roles: ['Consume'] } });
  change(peer('turin', [], true));
  expect(isGivenUp()).toBe(false);
  change(to);
  await done;
  expect(isGivenUp()).toBe(true);
});

test('it is not begun where the end is known already, and the end of the process is no end of the peering', async () => {
  const late = scene(peer('rome', [], true));
  await late.done;
  expect(late.isGivenUp()).toBe(false);
  const { done, started, stop } = scene();
  await started;
  stop.abort(new Error('stopped'));
  await expect(done).rejects.toThrow('stopped');
});

test('its own errors are thrown', async () => {
  const peers = { on: () => ({ [Symbol.dispose]() {} }) };
  const failing = unlessEnding(peers, rome, new AbortController().signal, async () => {
    throw new Error('no answer');
  });
  await expect(failing).rejects.toThrow('no answer');
});
