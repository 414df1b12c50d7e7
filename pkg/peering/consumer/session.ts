import { type Backoff, type Clock, decorrelatedJitter } from '#pkg/runtime';
import { type PeeringClient, peeringClient } from '../client/peering-client.ts';
import type { Identity } from '../identity/identity.ts';
import type { Fingerprint } from '../identity/fingerprint.ts';
import type { ApiProbe } from './probe.ts';
import type { ApprovalAnswer, InfoAnswer } from '../wire.ts';

/** Shown as good is what was verified this recently (PEER-33). */
export const FRESH_MS = 20_000;

/**
 * What the leader remembers of one provider between two looks at it: when it answered last, what failed, when to try
 * again. Lost with the process, and found again by looking. All times are monotonic.
 */
export interface ConsumerSession {
  readonly peering: (addresses: readonly string[], fingerprint: Fingerprint) => PeeringClient;
  /** The API server of the provider. */
  readonly api: Track<ApiProbe>;
  /** Its peering endpoint. */
  readonly endpoint: Track<InfoAnswer>;
  nextLookAtMs: number;
  lookedAtMs: number;
  /** What the peer said to our request for approval, and when to ask again. */
  readonly asking: { wish: string | undefined; last: ApprovalAnswer | undefined; nextAtMs: number };
  /** Getting credentials for the first time, and again after they stopped working. */
  readonly obtaining: Retry;
  readonly recovering: Retry;
  readonly renewing: Retry;
  /** Looking for the peer where discovery says that it is now. */
  readonly following: Retry;
  /** Its clock minus ours; follows what was measured where that differs by more than it is exact. */
  clockOffsetSeconds: number | undefined;
  /** Since when the provider says, under its key, that it does not know us; `undefined` while it does. */
  disownedSinceMs: number | undefined;
  /** Whether a look was taken since our end began. */
  isEnding: boolean;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The last success and the failures since. */
export interface Track<T> {
  last: T | undefined;
  goodAtMs: number;
  /** The same moment for people. */
  goodAt: Date | undefined;
  failures: number;
  error: unknown;
}

/** Something that is tried until it works, less and less often. */
export interface Retry {
  readonly backoff: Backoff;
  notBeforeMs: number;
  error: unknown;
  /** With what the last try failed for good: the same thing is not tried again. */
  deadFor: string | undefined;
}

export function consumerSession(deps: { identity: Identity; version: string }): ConsumerSession {
  let current: { key: string; client: PeeringClient } | undefined;
  const closing: Promise<void>[] = [];
  return {
    peering(addresses, fingerprint) {
      const key = JSON.stringify([fingerprint, ...addresses]);
      if (current?.key === key) return current.client;
      if (current !== undefined) closing.push(Promise.resolve(current.client[Symbol.asyncDispose]()));
      const client = peeringClient({ ...deps, addresses, fingerprint });
      current = { key, client };
      return client;
    },
    api: track(),
    endpoint: track(),
    nextLookAtMs: Number.NEGATIVE_INFINITY,
    lookedAtMs: Number.NEGATIVE_INFINITY,
    asking: { wish: undefined, last: undefined, nextAtMs: Number.NEGATIVE_INFINITY },
    obtaining: retry(),
    recovering: retry(),
    renewing: retry(),
    following: retry(),
    clockOffsetSeconds: undefined,
    disownedSinceMs: undefined,
    isEnding: false,
    async [Symbol.asyncDispose]() {
      await current?.client[Symbol.asyncDispose]();
      await Promise.all(closing);
    },
  };
}

function track<T>(): Track<T> {
  return { last: undefined, goodAtMs: Number.NEGATIVE_INFINITY, goodAt: undefined, failures: 0, error: undefined };
}

/** The behaviour pages count in 5 and 10 s: nothing waits longer than 10 s for its next try. */
function retry(): Retry {
  return {
    backoff: decorrelatedJitter({ minMs: 500, maxMs: 10_000 }),
    notBeforeMs: Number.NEGATIVE_INFINITY,
    error: undefined,
    deadFor: undefined,
  };
}

/** Runs `attempt` and notes the result in `track`. Never rejects, except when `signal` aborts. */
export async function tracked<T>(
  track: Track<T>,
  clock: Clock,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<void> {
  try {
    track.last = await attempt();
    track.goodAtMs = clock.now();
    track.goodAt = clock.wall();
    track.failures = 0;
    track.error = undefined;
  } catch (error) {
    signal.throwIfAborted();
    track.failures++;
    track.error = error;
  }
}

export function succeeded(retry: Retry): void {
  retry.backoff.reset();
  retry.notBeforeMs = Number.NEGATIVE_INFINITY;
  retry.error = undefined;
  retry.deadFor = undefined;
}

export function failed(retry: Retry, error: unknown, clock: Clock): void {
  retry.error = error;
  retry.notBeforeMs = clock.now() + retry.backoff.next();
}
