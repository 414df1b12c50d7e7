import { LRUCache } from 'lru-cache';
import { EVENT, type Event, KubeError, type KubeClient, type KubeObject, type Resource } from '#pkg/kube';
import { type Clock, done, type Log, type Reconciler, type ReconcileResult, requeueAfter } from '#pkg/runtime';
import type { OriginFinder } from './find-origin.ts';
import { allowance, turns } from './pace.ts';
import { changingFields, homeEvent, readEvent, type SeenEvent } from './seen-event.ts';

/** Events that wait to be written. A burst that says more than this says the same thing many times; the oldest go first. */
const MAX_WAITING = 1_000;
/** What could not be written for so long is no news any more. */
const WAIT_MS = 5 * 60_000;
/** Events that can be counted up by one request instead of two. */
const MAX_WRITTEN = 2_000;
/** How old an Event may be when a process first reads a twin: an earlier process, or replica, has told the older ones. */
const LOOK_BACK_MS = 5 * 60_000;
/** What goes well is told so often per peer: of a few pods everything, and of a burst of 1,000 pods not 5,000 writes. */
const ALLOWED_NORMAL = { burst: 50, perSecond: 2 };
/** At most one write about one object in this time. */
const TURN = { everyMs: 1_000, maxKeys: 1_000 };
/** Before each look at an Event: at most 50 a second, as many as a kubelet writes (its `eventRecordQPS`). */
const REST_MS = 20;
/** Our cache of the objects here may be behind: looked again so often, so long. */
const LOOK_AGAIN_MS = 1_000;
const PATIENCE_MS = 10_000;

export interface EventRelayDeps {
  readonly peer: string;
  /** Of the home cluster. */
  readonly client: Pick<KubeClient, 'create' | 'patch'>;
  readonly origins: OriginFinder;
  readonly homeOf: (twinNamespace: string) => string | undefined;
  /** The object here, by kind and `namespace/name`. */
  readonly localOf: (resource: Resource, key: string) => KubeObject | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

interface Waiting {
  seen: SeenEvent;
  readonly sinceMs: number;
  /** When it may be written; undefined while nobody knows about which object here it is. */
  dueMs?: number;
}

/** Takes Events from the twins of one peer and writes them here. */
export interface EventRelay {
  /** Notes an Event. @returns key to be worked soon, and whether it is urgent; undefined where it is not to be told */
  take(event: Event, isInitial: boolean): { readonly key: string; readonly priority: 'high' | 'low' } | undefined;
  readonly reconciler: Reconciler;
}

/** Holds what waits and what was written of late, both bounded; a process that forgets everything writes the same again. */
export function eventRelay(deps: EventRelayDeps): EventRelay {
  const { peer, client, origins, clock, log } = deps;
  const waiting = new LRUCache<string, Waiting>({ max: MAX_WAITING, ttl: WAIT_MS });
  const written = new LRUCache<string, string>({ max: MAX_WRITTEN });
  const normal = allowance(ALLOWED_NORMAL, clock);
  const turnOf = turns(TURN, clock);

  async function localOf({ involved, namespace }: SeenEvent, signal: AbortSignal) {
    const home = deps.homeOf(namespace);
    const origin = home === undefined ? undefined : await origins.find(involved, namespace, signal);
    if (origin === undefined) return 'none';
    const { resource, name, uid } = origin;
    const local = deps.localOf(resource, `${home}/${name}`);
    return local === undefined || (uid !== undefined && local.metadata.uid !== uid) ? undefined : { local, resource };
  }

  async function write(seen: SeenEvent, event: Event, signal: AbortSignal): Promise<void> {
    const { name, namespace = '' } = event.metadata;
    const countUp = () =>
      client.patch<Event>(EVENT, { name, namespace }, changingFields(seen), { type: 'merge', signal });
    try {
      if (written.has(seen.uid)) {
        await countUp();
        return;
      }
    } catch (error) {
      if (!(error instanceof KubeError && error.isNotFound)) throw error; // it has expired here: a new one
    }
    try {
      await client.create<Event>(EVENT, event, { signal });
    } catch (error) {
      if (!(error instanceof KubeError && error.isAlreadyExists)) throw error;
      await countUp();
    }
  }

  async function tell(uid: string, item: Waiting, signal: AbortSignal): Promise<ReconcileResult> {
    await clock.sleep(REST_MS, signal);
    const { seen } = item;
    const found = await localOf(seen, signal);
    if (found === undefined && clock.now() - item.sinceMs < PATIENCE_MS) return requeueAfter(LOOK_AGAIN_MS);
    if (found === undefined || found === 'none') {
      waiting.delete(uid);
      return done;
    }
    const localUid = found.local.metadata.uid ?? '';
    item.dueMs ??= turnOf.reserve(localUid);
    const waitMs = item.dueMs - clock.now();
    const earlyMs = waitMs > 0 ? waitMs : turnOf.begin(localUid);
    if (earlyMs > 0) return requeueAfter(earlyMs);
    delete item.dueMs; // used up, also where the write fails
    await write(seen, homeEvent(seen, found.local, found.resource, peer), signal);
    written.set(uid, stateOf(seen));
    if (item.seen !== seen) return requeueAfter(0); // it happened again meanwhile
    waiting.delete(uid);
    return done;
  }

  return {
    take(event, isInitial) {
      const seen = readEvent(event, clock.wall());
      if (seen === undefined || !origins.knows(seen.involved)) return undefined;
      if (written.get(seen.uid) === stateOf(seen)) return undefined; // a list that is read again
      const key = seen.uid;
      const priority = seen.type === 'Warning' ? 'high' : 'low';
      const standing = waiting.get(key);
      if (standing !== undefined) {
        standing.seen = seen;
        return { key, priority };
      }
      if (isInitial && clock.wall().getTime() - seen.lastAt.getTime() > LOOK_BACK_MS) return undefined;
      if (seen.type === 'Normal' && !normal.take()) return undefined;
      waiting.set(key, { seen, sinceMs: clock.now() });
      return { key, priority };
    },
    reconciler: {
      name: `events of ${peer}`,
      async reconcile(key, signal) {
        const item = waiting.get(key);
        if (item === undefined) return done;
        try {
          return await tell(key, item, signal);
        } catch (error) {
          if (!isHopeless(error)) throw error;
          waiting.delete(key);
          log.debug({ err: error, reason: item.seen.reason }, 'an event of a twin could not be written');
          return done;
        }
      },
    },
  };
}

/** The namespace here is ending, or the API server does not take it: neither passes while it is news. */
function isHopeless(error: unknown): boolean {
  return error instanceof KubeError && (error.isNotFound || error.isForbidden || !error.retryable);
}

/** Equal where what would be written is. */
function stateOf(seen: SeenEvent): string {
  return JSON.stringify(changingFields(seen));
}
