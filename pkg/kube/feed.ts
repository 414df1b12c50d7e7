import { setImmediate } from 'node:timers/promises';
import type { Clock } from '#pkg/runtime';
import { acceptHeader } from './accept.ts';
import { KubeError } from './errors.ts';
import { type KubeObject, keyOf } from './object.ts';
import { PAGE_SIZE, pages } from './pages.ts';
import type { ReflectedSet } from './reflected-set.ts';
import type { Resource } from './resource.ts';
import type { Transport } from './transport.ts';
import { type WatchEvent, watch } from './watch.ts';
import type { WatchListMemory } from './watch-list-memory.ts';

/** Marks the bookmark after the last of the initial events (KEP-3157). */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';
/** Watches are ended by the server at a random moment between these, so that many do not come back together. */
const MIN_TIMEOUT_S = 300;
const MAX_TIMEOUT_S = 600;
/**
 * So many refusals in a row of a watch from a known version, and the next round lists: after a restore of etcd the
 * versions that we know never come again.
 */
const MAX_REFUSALS = 5;

export interface FeedDeps<T extends KubeObject> {
  readonly transport: Transport;
  readonly resource: Resource<T>;
  readonly namespace: string | undefined;
  readonly labelSelector: string | undefined;
  readonly fieldSelector: string | undefined;
  readonly metadataOnly: boolean;
  readonly set: ReflectedSet<T>;
  /** Makes what was received ready to be stored. */
  readonly prepare: (object: T) => T;
  /** A complete list was read. */
  readonly onSynced: () => void;
  readonly onContact: () => void;
  readonly isSynced: () => boolean;
  readonly maxBytes: number;
  readonly memory: WatchListMemory;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Keeps a set equal to what the server holds, one connection at a time. */
export interface Feed {
  /**
   * Reads a complete list where there is none yet, then follows changes until the connection ends. Resolves where the
   * server ended it in good order. The next round goes on where this one stopped.
   * @throws KubeError of any kind but `WatchListUnsupported`; after `Gone` the next round lists
   */
  round(signal: AbortSignal): Promise<void>;
}

export function createFeed<T extends KubeObject>(deps: FeedDeps<T>): Feed {
  const { transport, resource, set, memory, clock } = deps;
  /** Undefined: a complete list is needed. Opaque otherwise. */
  let version: string | undefined;
  let refusals = 0;
  let pageSize = PAGE_SIZE;

  async function readPages(signal: AbortSignal): Promise<void> {
    const seen = new Set<string>();
    const accept = acceptHeader(deps.metadataOnly, 'PartialObjectMetadataList');
    let received = 0;
    let listVersion: string | undefined;
    for await (const page of pages(transport, resource, { ...deps, pageSize, accept, signal }, clock)) {
      deps.onContact();
      received += page.bytes;
      checkReceived(received);
      for (const item of page.items) {
        seen.add(keyOf(item));
        set.put(deps.prepare(item), page.bytes / page.items.length, !deps.isSynced());
      }
      listVersion = page.resourceVersion;
      await setImmediate();
    }
    set.keepOnly(seen);
    version = listVersion === '' ? undefined : listVersion;
    deps.onSynced();
  }

  async function follow(signal: AbortSignal): Promise<void> {
    const seen = new Set<string>();
    let isInitial = version === undefined;
    let received = 0;
    const timeoutSeconds = Math.round(MIN_TIMEOUT_S + deps.random() * (MAX_TIMEOUT_S - MIN_TIMEOUT_S));

    function onEvent(event: WatchEvent<T>, bytes: number): void {
      if (isInitial) {
        received += bytes;
        checkReceived(received);
      }
      if (event.type === 'DELETED') {
        seen.delete(keyOf(event.object));
        set.drop(deps.prepare(event.object));
      } else if (event.type !== 'BOOKMARK') {
        if (isInitial) seen.add(keyOf(event.object));
        set.put(deps.prepare(event.object), bytes, isInitial && !deps.isSynced());
      } else if (isInitial && event.object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true') {
        isInitial = false;
        set.keepOnly(seen);
        seen.clear();
        deps.onSynced();
      }
      // Not before the initial events are complete: half a list is not a place to go on from.
      if (!isInitial) version = event.object.metadata.resourceVersion ?? version;
    }

    await watch<T>(transport, {
      ...deps,
      query: {
        labelSelector: deps.labelSelector,
        fieldSelector: deps.fieldSelector,
        ...(version === undefined
          ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
          : { resourceVersion: version }),
      },
      timeoutSeconds,
      accept: acceptHeader(deps.metadataOnly),
      signal,
      onEvent,
      isInitial: () => isInitial,
    });
    if (isInitial) throw new KubeError('Unreachable', { ...factsOf(), why: 'the list ended half-way' });
  }

  async function listAndFollow(signal: AbortSignal): Promise<void> {
    if (memory.isUsable(clock.now())) {
      try {
        return await follow(signal);
      } catch (error) {
        if (version !== undefined || !isWatchListRefusal(error)) throw error;
        if (error.code === 'WatchListUnsupported') memory.silent(clock.now());
        else memory.refused();
      }
    }
    await readPages(signal);
    // A list without a version (some aggregated servers) cannot be watched from; the next round lists again.
    if (version !== undefined) await follow(signal);
  }

  function checkReceived(bytes: number): void {
    if (bytes <= deps.maxBytes) return;
    throw new KubeError('TooLarge', { ...factsOf(), why: `the list is larger than ${deps.maxBytes} bytes` });
  }

  function factsOf() {
    return { attempted: `list ${resource.plural}`, where: transport.where };
  }

  return {
    async round(signal) {
      try {
        await (version === undefined ? listAndFollow(signal) : follow(signal));
        refusals = 0;
      } catch (error) {
        if (error instanceof KubeError) {
          refusals = error.status > 0 ? refusals + 1 : 0;
          if (error.isGone || refusals >= MAX_REFUSALS) {
            version = undefined;
            refusals = 0;
          }
          // Objects are so large that a page of them is refused: smaller pages.
          if (error.code === 'TooLarge') pageSize = Math.max(10, Math.floor(pageSize / 4));
        }
        throw error;
      }
    },
  };
}

/**
 * The server does not take the parameters (kubernetes#135583: 422 "sendInitialEvents is forbidden …", older ones 400),
 * or takes them and never says where the list ends.
 */
function isWatchListRefusal(error: unknown): error is KubeError {
  return (
    error instanceof KubeError &&
    (error.code === 'WatchListUnsupported' || error.status === 422 || error.status === 400)
  );
}
