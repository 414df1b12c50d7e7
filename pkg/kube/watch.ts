import { setImmediate } from 'node:timers/promises';
import type { Clock } from '#pkg/runtime';
import { readBody, tooSlow } from './body.ts';
import { dripMeter } from './drip.ts';
import { errorOfAnswer, errorOfConnection, errorOfStatus, KubeError, type Status } from './errors.ts';
import { lineSplitter } from './lines.ts';
import type { KubeObject } from './object.ts';
import { collectionPath, type Resource } from './resource.ts';
import type { Query, Transport } from './transport.ts';

/** Largest event. etcd refuses objects above 1.5 MiB; JSON may be larger than what is stored. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
/** Work between two turns of the event loop: leases and probes share it. */
const MAX_STALL_MS = 8;
/** Largest error text of a refused watch. */
const MAX_ERROR_BYTES = 64 * 1024;

/** A watch without any byte for that long after the server should have ended it is dead. */
const GRACE_MS = 30_000;
/**
 * Servers that send bookmarks send one every minute (measured on 1.35, quiet resources too). Where one was seen, three
 * in a row that are missing mean a dead link behind a proxy or relay, whose end of the TCP connection still answers.
 */
const MISSED_BOOKMARKS_MS = 3 * 60_000;
/** While the first events are expected, silence of that length means that the server does not send their end. */
const INITIAL_SILENCE_MS = 10_000;
/** The first events have to be complete by then, whatever comes. */
const INITIAL_DEADLINE_MS = 300_000;
/** How often all of that is looked at. */
const CHECK_MS = 2_500;

export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: KubeObject };

export interface WatchOptions<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly namespace?: string | undefined;
  readonly query: Query;
  /** Asked of the server; the watchdog bites half a minute later. */
  readonly timeoutSeconds: number;
  readonly accept: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Called for each event in order; what it throws ends the watch and comes out of {@link watch}. */
  onEvent(event: WatchEvent<T>, bytes: number): void;
  /** Called for the head of the answer and each chunk of it. */
  onContact(): void;
  /** True until the end of the initial events was seen. */
  isInitial(): boolean;
}

/**
 * One watch from its request to its end. Resolves where the server ended it in good order.
 * @throws KubeError `Gone` (relist), `WatchListUnsupported` (no end of the initial events in time), `TooSlow`,
 * `TooLarge`, `Malformed`, connection errors and refusals; the signal's reason on abort
 */
export async function watch<T extends KubeObject>(transport: Transport, options: WatchOptions<T>): Promise<void> {
  const { resource, namespace, clock, signal } = options;
  const facts = {
    attempted: `watch ${resource.plural}${namespace === undefined ? '' : ` in ${namespace}`}`,
    where: transport.where,
  };
  // Ours to abort, so that the checks below can end a connection that is stuck.
  const connection = new AbortController();
  const follow = () => connection.abort(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', follow, { once: true });
  try {
    const answer = await transport.open({
      method: 'GET',
      path: collectionPath(resource, namespace),
      query: { watch: true, allowWatchBookmarks: true, timeoutSeconds: options.timeoutSeconds, ...options.query },
      headers: { accept: options.accept, 'accept-encoding': 'identity' },
      attempted: facts.attempted,
      signal: connection.signal,
    });
    options.onContact();
    if (answer.status !== 200) {
      const text = await readBody(answer.body, facts, clock, MAX_ERROR_BYTES);
      const retryAfter = answer.headers['retry-after'];
      throw errorOfAnswer(
        facts,
        answer.status,
        text.toString(),
        typeof retryAfter === 'string' ? retryAfter : undefined,
      );
    }
    await readEvents(answer.body, facts, connection, options);
  } catch (error) {
    signal.throwIfAborted();
    // The checks abort with the KubeError that says why; everything else is the connection's.
    const failure: unknown = connection.signal.aborted ? connection.signal.reason : asWatchError(facts, error);
    if (failure instanceof KubeError && failure.isConnection) transport.reachability.failed();
    throw failure;
  } finally {
    signal.removeEventListener('abort', follow);
    // Whatever of the answer is left must not hold the connection.
    connection.abort(new Error('the watch ended'));
  }
}

async function readEvents<T extends KubeObject>(
  body: AsyncIterable<Buffer>,
  facts: Facts,
  connection: AbortController,
  options: WatchOptions<T>,
): Promise<void> {
  const { clock } = options;
  const lines = lineSplitter(MAX_LINE_BYTES);
  const startedAt = clock.now();
  const drip = dripMeter(startedAt);
  let lastByteAt = startedAt;
  let maxSilenceMs = options.timeoutSeconds * 1000 + GRACE_MS;
  let lastYieldAt = startedAt;

  const check = () => {
    const now = clock.now();
    const silentMs = now - lastByteAt;
    const isInitial = options.isInitial();
    if (!isInitial && !lines.isInsideLine) drip.restart(now);
    if (silentMs > maxSilenceMs) {
      connection.abort(new KubeError('Unreachable', { ...facts, why: `no byte for ${Math.round(silentMs / 1000)} s` }));
    } else if (isInitial && silentMs >= INITIAL_SILENCE_MS && !lines.isInsideLine) {
      connection.abort(
        new KubeError('WatchListUnsupported', { ...facts, why: 'the server does not say where the first events end' }),
      );
    } else if (isInitial && now - startedAt >= INITIAL_DEADLINE_MS) {
      const why = `the first events are not complete after ${INITIAL_DEADLINE_MS / 1000} s`;
      connection.abort(new KubeError('TooSlow', { ...facts, why }));
    } else if (drip.isTooSlow(now)) {
      connection.abort(tooSlow(facts));
    }
  };
  const onLine = (text: string, bytes: number) => {
    const event = parseEvent<T>(text, facts);
    if (event.type === 'BOOKMARK') maxSilenceMs = Math.min(maxSilenceMs, MISSED_BOOKMARKS_MS);
    options.onEvent(event, bytes);
  };

  using _ = every(clock, CHECK_MS, check);
  for await (const chunk of body) {
    const now = clock.now();
    lastByteAt = now;
    options.onContact();
    drip.add(chunk.length);
    if (!lines.push(chunk, onLine)) {
      throw new KubeError('TooLarge', { ...facts, why: `an event is larger than ${MAX_LINE_BYTES} bytes` });
    }
    if (clock.now() - lastYieldAt >= MAX_STALL_MS) {
      await setImmediate();
      lastYieldAt = clock.now();
    }
  }
  if (lines.isInsideLine) {
    throw new KubeError('Unreachable', { ...facts, why: 'the connection was closed in the middle of an event' });
  }
}

interface Facts {
  readonly attempted: string;
  readonly where: string;
}

function parseEvent<T extends KubeObject>(text: string, facts: Facts): WatchEvent<T> {
  let event: { type?: string; object?: unknown };
  try {
    event = JSON.parse(text) as typeof event;
  } catch (cause) {
    throw new KubeError('Malformed', { ...facts, why: 'an event is not JSON' }, { cause });
  }
  if (event.type === 'ERROR') throw errorOfStatus(facts, event.object as Status);
  const object = event.object as T | undefined;
  if (!isEventType(event.type) || typeof object?.metadata !== 'object') {
    throw new KubeError('Malformed', { ...facts, why: `an event of type "${event.type}" is not one of a watch` });
  }
  return { type: event.type, object };
}

function isEventType(type: string | undefined): type is WatchEvent<KubeObject>['type'] {
  return type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED' || type === 'BOOKMARK';
}

function asWatchError(facts: Facts, error: unknown): unknown {
  return error instanceof Error && 'code' in error ? errorOfConnection(facts, error) : error;
}

/** Calls `check` again and again until disposed. */
function every(clock: Clock, ms: number, check: () => void): Disposable {
  let timer: Disposable;
  const arm = () => {
    timer = clock.timer(() => {
      check();
      arm();
    }, ms);
  };
  arm();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
