import { LRUCache } from 'lru-cache';
import { type Peer, PEER } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import type { Clock, Log } from '#pkg/runtime';

/** A consumer looks every 8 s; each look is one small write here, never more. */
const EVERY_MS = 7_000;
const MAX_PEERS = 10_000;

/**
 * Notes in `Peer.status.lastContactAt` that a peer has shown its key. Any replica may hear it, the leader reads it.
 * Fire and forget: the next contact is seconds away, so a write that fails is logged and nothing else.
 */
export function contactRecorder(deps: { client: KubeClient; clock: Clock; log: Log }): (peer: Peer) => void {
  const { client, clock, log } = deps;
  const noted = new LRUCache<string, number>({ max: MAX_PEERS });
  return (peer) => {
    const { name, uid } = peer.metadata;
    const key = `${name}/${uid}`;
    const last = noted.get(key);
    if (last !== undefined && clock.now() - last < EVERY_MS) return;
    noted.set(key, clock.now());
    const body = { status: { lastContactAt: clock.wall().toISOString() } };
    const signal = AbortSignal.timeout(5_000);
    client
      .patch<Peer>(PEER, { name }, body, {
        type: 'merge',
        subresource: 'status',
        fieldManager: 'tombolo-contact',
        signal,
      })
      .catch((error: unknown) => {
        log.warn({ peer: name, error: String(error) }, 'the contact of a peer could not be noted');
      });
  };
}
