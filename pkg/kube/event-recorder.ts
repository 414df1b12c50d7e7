import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Clock, type Log, silentLog, systemClock } from '#pkg/runtime';
import type { KubeClient } from './client-interface.ts';
import { KubeError } from './errors.ts';
import { secondTime } from './micro-time.ts';
import { type KubeObject, keyOf } from './object.ts';
import { EVENT } from './resources.ts';
import type { Event } from './types.ts';

/** Events waiting to be written. A burst that says more than this says the same thing many times; the oldest go first. */
const MAX_WAITING = 1_000;
/** Events that can be counted up instead of being written again; API servers keep Events for an hour. */
const MAX_REMEMBERED = 2_000;
const REMEMBER_MS = 30 * 60_000;
/** At most one write for an object in this time. */
const PACE_MS = 1_000;
/** Events are a courtesy: after so many failures the next one matters more. */
const MAX_ATTEMPTS = 3;
/** As the events.k8s.io API has it. */
const MAX_MESSAGE_LENGTH = 1_024;
const MAX_NAME_LENGTH = 253;

export interface EventRecorderOptions {
  /** Who says it: `tombolo-kubelet`. */
  readonly component: string;
  /** On which node or pod. */
  readonly host?: string | undefined;
  readonly log?: Log | undefined;
  readonly clock?: Clock | undefined;
}

/** Writes core/v1 Events: what `kubectl describe` shows. */
export interface EventRecorder {
  /**
   * Notes an event about `object`; returns at once. The same event again raises its count. Nothing is written before
   * and after `run`.
   */
  event(
    object: KubeObject & { kind: string; apiVersion: string },
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): void;
  /** Writes until `signal` aborts, then resolves; what waits then is lost. */
  run(signal: AbortSignal): Promise<void>;
}

interface Waiting {
  readonly key: string;
  /** Pace is kept per involved object. */
  readonly objectKey: string;
  readonly involvedObject: NonNullable<Event['involvedObject']>;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly firstAt: Date;
  lastAt: Date;
  count: number;
  attempts: number;
}

/** Never throws and never blocks its callers: a failing API server costs events, not work. */
export function eventRecorder(client: KubeClient, options: EventRecorderOptions): EventRecorder {
  const { component, host = component, log = silentLog, clock = systemClock } = options;
  const waiting = new Map<string, Waiting>();
  const written = new LRUCache<string, { name: string; namespace: string; count: number }>({
    max: MAX_REMEMBERED,
    ttl: REMEMBER_MS,
  });
  /** When the next write about an object may happen (monotonic). Entries are of use for a second or so. */
  const notBefore = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  let wake = Promise.withResolvers<void>();

  /** The first event that may be written now, or how long until there is one. */
  function next(now: number): Waiting | number {
    let soonest = Number.POSITIVE_INFINITY;
    for (const item of waiting.values()) {
      const due = notBefore.get(item.objectKey) ?? Number.NEGATIVE_INFINITY;
      if (due <= now) return item;
      soonest = Math.min(soonest, due - now);
    }
    return soonest;
  }

  async function write(item: Waiting, signal: AbortSignal): Promise<void> {
    const before = written.get(item.key);
    if (before !== undefined) {
      const count = before.count + item.count;
      const body = { count, lastTimestamp: secondTime(item.lastAt), message: item.message };
      try {
        await client.patch(EVENT, before, body, { type: 'merge', signal });
        written.set(item.key, { ...before, count });
        return;
      } catch (error) {
        if (!(error instanceof KubeError && error.isNotFound)) throw error;
        written.delete(item.key); // it has expired there: write a new one
      }
    }
    const event = eventOf(item, component, host);
    await client.create(EVENT, event, { signal });
    written.set(item.key, { name: event.metadata.name, namespace: event.metadata.namespace ?? '', count: item.count });
  }

  async function attempt(item: Waiting, signal: AbortSignal): Promise<void> {
    waiting.delete(item.key);
    notBefore.set(item.objectKey, clock.now() + PACE_MS * 2 ** item.attempts);
    try {
      await write(item, signal);
    } catch (error) {
      if (signal.aborted) return;
      item.attempts++;
      // Said again meanwhile: that one is newer.
      const isKept = isRetryable(error) && item.attempts < MAX_ATTEMPTS && !waiting.has(item.key);
      if (isKept) waiting.set(item.key, item);
      log.debug({ err: error, reason: item.reason, isKept }, 'an event could not be written');
    }
  }

  return {
    event(object, type, reason, message) {
      const text = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH - 1)}…` : message;
      const objectKey = object.metadata.uid ?? `${object.kind}/${keyOf(object)}`;
      const key = `${objectKey} ${type} ${reason} ${text}`;
      const at = clock.wall();
      const same = waiting.get(key);
      if (same !== undefined) {
        same.count++;
        same.lastAt = at;
        return;
      }
      if (waiting.size >= MAX_WAITING) {
        const [oldest] = waiting.keys();
        if (oldest !== undefined) waiting.delete(oldest);
        log.debug({ limit: MAX_WAITING }, 'too many events wait, the oldest is dropped');
      }
      const involvedObject = involved(object);
      const item = { key, objectKey, involvedObject, type, reason, message: text, firstAt: at, lastAt: at };
      waiting.set(key, { ...item, count: 1, attempts: 0 });
      wake.resolve();
    },
    async run(signal) {
      const stop = () => wake.resolve();
      signal.addEventListener('abort', stop);
      try {
        while (!signal.aborted) {
          const found = next(clock.now());
          if (typeof found !== 'number') {
            await attempt(found, signal);
            continue;
          }
          wake = Promise.withResolvers<void>();
          using _ = Number.isFinite(found) ? clock.timer(() => wake.resolve(), found) : undefined;
          await wake.promise;
        }
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
  };
}

function involved(object: KubeObject): NonNullable<Event['involvedObject']> {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  return {
    ...(object.apiVersion !== undefined && { apiVersion: object.apiVersion }),
    ...(object.kind !== undefined && { kind: object.kind }),
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}

function eventOf(item: Waiting, component: string, host: string): Event {
  // Same event, same first time, same name: a repeated create after a lost answer conflicts instead of doubling.
  const suffix = createHash('sha256')
    .update(`${item.key} ${item.firstAt.getTime()} ${host}`)
    .digest('hex')
    .slice(0, 16);
  const prefix = (item.involvedObject.name ?? '').slice(0, MAX_NAME_LENGTH - suffix.length - 1);
  return {
    metadata: { name: `${prefix}.${suffix}`, namespace: item.involvedObject.namespace ?? 'default' },
    involvedObject: item.involvedObject,
    type: item.type,
    reason: item.reason,
    message: item.message,
    source: { component, host },
    reportingComponent: component,
    reportingInstance: host,
    firstTimestamp: secondTime(item.firstAt),
    lastTimestamp: secondTime(item.lastAt),
    count: item.count,
  };
}

function isRetryable(error: unknown): boolean {
  // Forbidden and NotFound: the namespace is ending or not ours to write to; neither changes within seconds.
  return error instanceof KubeError && error.retryable && !error.isForbidden && !error.isNotFound;
}
