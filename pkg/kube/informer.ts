import type { Clock, Log } from '#pkg/runtime';
import { KubeError } from './errors.ts';
import { createFeed } from './feed.ts';
import type { Informer, InformerHandler, InformerOptions } from './informer-interface.ts';
import type { KubeMetrics } from './metrics.ts';
import type { KubeObject } from './object.ts';
import { pauses } from './pauses.ts';
import { passingSet, reflectedSet } from './reflected-set.ts';
import { apiVersionOf, type Resource } from './resource.ts';
import { createStore } from './store.ts';
import type { Transport } from './transport.ts';
import { deepFreeze, trimMetadata } from './trim.ts';
import type { WatchListMemory } from './watch-list-memory.ts';

const DEFAULT_MAX_OBJECTS = 100_000;
const DEFAULT_MAX_BYTES = 512 * 1024 * 1024;
/**
 * Early wake-ups in a row, before the informer keeps to its own back-off: where only watches fail, other requests
 * would wake it for ever.
 */
const MAX_EARLY_WAKES = 3;
/** An attempt that lasted so long was not in vain. */
const LASTING_MS = 60_000;

export interface InformerDeps {
  readonly clusterName: string;
  readonly transport: Transport;
  readonly memory: WatchListMemory;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: KubeMetrics | undefined;
  /** Aborts when the cluster is closed. */
  readonly closed: AbortSignal;
  /** Tests: a write to a stored object throws. */
  readonly freeze: boolean;
}

export function createInformer<T extends KubeObject>(
  deps: InformerDeps,
  resource: Resource<T>,
  options: InformerOptions<T> = {},
): Informer<T> {
  const { clock, transport, clusterName } = deps;
  const log = deps.log.child({ cluster: clusterName, resource: resource.plural, namespace: options.namespace });
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  const store = createStore<T>(options.indexes);
  const handlers = new Set<InformerHandler<T>>();
  const errorHandlers = new Set<(error: unknown) => void>();
  const firstSync = Promise.withResolvers<void>();
  // Callers that do not wait for it shall not die of its rejection.
  firstSync.promise.catch(() => {});
  let isSynced = false;
  let isStarted = false;
  let lastContactMs = Number.NEGATIVE_INFINITY;

  function report(error: unknown): void {
    for (const handler of errorHandlers) handler(error);
  }

  function notify(old: T | undefined, current: T | undefined, isInitial: boolean): void {
    for (const handler of handlers) callHandler(handler, old, current, isInitial);
  }

  function callHandler(
    handler: InformerHandler<T>,
    old: T | undefined,
    current: T | undefined,
    isInitial: boolean,
  ): void {
    try {
      handler(old, current, isInitial);
    } catch (error) {
      // One handler's mistake must not stop the cache that the others read.
      log.error({ err: error }, 'a handler of the informer threw');
      report(error);
    }
  }

  function prepare(received: T): T {
    let object = options.metadataOnly === true ? metadataOf(resource, received) : received;
    object = trimMetadata(object);
    if (options.transform !== undefined) object = options.transform(object);
    return deps.freeze ? deepFreeze(object) : object;
  }

  const feed = createFeed<T>({
    ...deps,
    resource,
    namespace: options.namespace,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    metadataOnly: options.metadataOnly === true,
    set:
      options.keep === false
        ? passingSet(notify)
        : reflectedSet(store, { maxObjects: options.maxObjects ?? DEFAULT_MAX_OBJECTS, maxBytes }, notify, {
            attempted: `keep ${resource.plural} in memory`,
            where: transport.where,
          }),
    prepare,
    maxBytes,
    isSynced: () => isSynced,
    onSynced() {
      isSynced = true;
      firstSync.resolve();
    },
    onContact() {
      lastContactMs = clock.now();
    },
  });

  async function run(signal: AbortSignal): Promise<void> {
    const pause = pauses(deps.random);
    let failures = 0;
    let earlyWakes = 0;
    while (!signal.aborted) {
      const startedAt = clock.now();
      const error = await feed.round(signal).then(
        () => undefined,
        (cause: unknown) => cause ?? new Error('unknown failure'),
      );
      if (signal.aborted) return;
      const lastedMs = clock.now() - startedAt;
      const waitMs = pause.after(error, lastedMs);
      if (error === undefined || lastedMs >= LASTING_MS) {
        failures = 0;
        earlyWakes = 0;
      }
      if (error !== undefined) {
        failures++;
        deps.metrics?.watchFailed(clusterName, resource.kind, error instanceof KubeError ? error.code : 'Unknown');
        // The first of a series is news; the others say the same every few seconds.
        const message = error instanceof Error ? error.message : String(error);
        log[failures === 1 ? 'warn' : 'debug']({ failures, waitMs: Math.round(waitMs) }, message);
        report(error);
      }
      const mayWake = error instanceof KubeError && error.isConnection && earlyWakes < MAX_EARLY_WAKES;
      if (await rest(waitMs, mayWake, signal)) {
        earlyWakes++;
        pause.recovered();
      }
    }
  }

  /** Waits; true where the server was seen to answer again before the time was up. */
  async function rest(ms: number, mayWake: boolean, signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    using _timer = clock.timer(() => resolve(false), ms);
    using _recovery = mayWake ? transport.reachability.onRecovery(() => resolve(true)) : undefined;
    const stop = () => resolve(false);
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  return {
    async run(signal) {
      if (isStarted) throw new TypeError(`the informer of ${resource.plural} was started twice`);
      isStarted = true;
      const both = AbortSignal.any([signal, deps.closed]);
      try {
        await run(both);
      } finally {
        firstSync.reject(both.reason);
      }
    },
    synced: firstSync.promise,
    get isSynced() {
      return isSynced;
    },
    get lastContactMs() {
      return lastContactMs;
    },
    get: store.get,
    list: store.list,
    byIndex: store.byIndex,
    get size() {
      return store.size;
    },
    on(handler) {
      // A wrapper of its own: the same function may be registered twice, and each registration ends alone.
      const own: InformerHandler<T> = (old, current, isInitial) => handler(old, current, isInitial);
      for (const object of store.list()) callHandler(own, undefined, object, true);
      handlers.add(own);
      return { [Symbol.dispose]: () => void handlers.delete(own) };
    },
    onError(handler) {
      const own = (error: unknown) => handler(error);
      errorHandlers.add(own);
      return { [Symbol.dispose]: () => void errorHandlers.delete(own) };
    },
  };
}

/** A server that ignored the Accept header sends whole objects; nobody shall come to rely on it. */
function metadataOf<T extends KubeObject>(resource: Resource<T>, object: T): T {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: object.metadata } as T;
}
