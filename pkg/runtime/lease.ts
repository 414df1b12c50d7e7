import { type Clock, systemClock } from './clock.ts';
import { messageOf } from './coded-error.ts';
import type { Log } from './log.ts';

/** Who holds a lease. Times are wall times of the holder: for people only, expiry is never judged by them. */
export interface LeaseRecord {
  readonly holder: string;
  readonly durationMs: number;
  readonly acquiredAt: Date;
  readonly renewedAt: Date;
  readonly transitions: number;
}

/** Where the record is kept, with optimistic locking. */
export interface LeaseStore {
  read(signal: AbortSignal): Promise<{ record: LeaseRecord; version: string } | undefined>;
  /** @param version what was read; undefined creates. `'conflict'` where somebody else was faster. */
  write(
    record: LeaseRecord,
    version: string | undefined,
    signal: AbortSignal,
  ): Promise<{ version: string } | 'conflict'>;
}

export interface LeaderOptions {
  readonly store: LeaseStore;
  /** Unique per process, for example the pod UID. */
  readonly identity: string;
  /** Others take over after this long without a change of the record; default 15 s. */
  readonly durationMs?: number;
  /** The holder stops itself after this long without a successful renewal; must be below `durationMs`; default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Time between tries; default 2 s. */
  readonly retryMs?: number;
  readonly clock?: Clock;
  readonly signal: AbortSignal;
  /** What the leader does; its signal aborts when the lease is lost. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  readonly log: Log;
}

/**
 * Runs `lead` while this process holds the lease. Expiry of another holder is judged by our own monotonic clock since we
 * last saw the record change, and the holder stops itself before that can have passed elsewhere: at most one acts.
 * Resolves after the signal aborted and the lease was released; rejects with the error of `lead`.
 */
export async function runLeader(options: LeaderOptions): Promise<void> {
  const { durationMs = 15_000, renewDeadlineMs = 10_000, retryMs = 2_000, clock = systemClock, signal, log } = options;
  if (renewDeadlineMs >= durationMs) {
    throw new RangeError(`renewDeadlineMs (${renewDeadlineMs}) must be below durationMs (${durationMs})`);
  }
  const election = new Election({ ...options, durationMs, renewDeadlineMs, retryMs, clock });
  while (!signal.aborted) {
    try {
      if (await election.tryAcquire(signal)) await election.hold();
    } catch (error) {
      if (error instanceof LeadFailed) throw error.cause;
      if (!signal.aborted) log.warn({ error: messageOf(error) }, 'lease could not be read or written');
    }
    await clock.sleep(retryMs, signal).catch(() => {}); // aborted: the loop condition ends it
  }
}

/** Tells an error of the leader's own work from one of the store. */
class LeadFailed extends Error {}

class Election {
  readonly #options: Required<Omit<LeaderOptions, 'log'>> & { log: Log };
  #version: string | undefined;
  #seen: { record: LeaseRecord; at: number } | undefined;

  constructor(options: Required<Omit<LeaderOptions, 'log'>> & { log: Log }) {
    this.#options = options;
  }

  #record(previous: LeaseRecord | undefined, holder: string): LeaseRecord {
    const { clock, durationMs } = this.#options;
    const now = clock.wall();
    const same = previous?.holder === holder;
    return {
      holder,
      durationMs,
      acquiredAt: same && previous !== undefined ? previous.acquiredAt : now,
      renewedAt: now,
      transitions: previous === undefined ? 0 : previous.transitions + (same ? 0 : 1),
    };
  }

  /** One request of the store is given half the renew deadline, so that a hanging one leaves time for another. */
  #requestSignal(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(this.#options.renewDeadlineMs / 2)]);
  }

  async tryAcquire(signal: AbortSignal): Promise<boolean> {
    const { store, identity, clock } = this.#options;
    const found = await store.read(this.#requestSignal(signal));
    if (found !== undefined) {
      if (found.version !== this.#version || this.#seen === undefined) {
        this.#version = found.version;
        this.#seen = { record: found.record, at: clock.now() };
      }
      const { record, at } = this.#seen;
      const free = record.holder === '' || record.holder === identity;
      if (!free && clock.now() - at < record.durationMs) return false;
    } else {
      this.#version = undefined;
      this.#seen = undefined;
    }
    return await this.#write(this.#record(found?.record, identity), signal);
  }

  async #write(record: LeaseRecord, signal: AbortSignal): Promise<boolean> {
    const written = await this.#options.store.write(record, this.#version, this.#requestSignal(signal));
    if (written === 'conflict') {
      this.#seen = undefined;
      return false;
    }
    this.#version = written.version;
    this.#seen = { record, at: this.#options.clock.now() };
    return true;
  }

  /** Leads until the lease is lost, the process is stopped, or `lead` ends. */
  async hold(): Promise<void> {
    const { signal, lead, log, identity } = this.#options;
    log.info({ identity }, 'lease acquired');
    const lost = new AbortController();
    const leading = AbortSignal.any([signal, lost.signal]);
    const work = lead(leading).then(
      () => undefined,
      (cause: unknown) => new LeadFailed('lead failed', { cause }),
    );
    const ended = new AbortController();
    const renewing = this.#renew(AbortSignal.any([leading, ended.signal]));
    const first = await Promise.race([renewing.then(() => 'renewing' as const), work.then(() => 'work' as const)]);
    if (first === 'renewing' && !signal.aborted) log.warn({ identity }, 'lease lost');
    lost.abort(new Error('lease lost'));
    ended.abort();
    const failed = await work;
    await renewing;
    await this.#release();
    if (failed !== undefined && !signal.aborted) throw failed;
  }

  /** Resolves when the lease could not be renewed in time, or on abort. */
  async #renew(signal: AbortSignal): Promise<void> {
    const { clock, retryMs, renewDeadlineMs, identity, log } = this.#options;
    let renewedAt = clock.now();
    while (!signal.aborted) {
      try {
        await clock.sleep(retryMs, signal);
        const left = renewDeadlineMs - (clock.now() - renewedAt);
        if (left <= 0) return;
        if (await this.#write(this.#record(this.#seen?.record, identity), signal)) renewedAt = clock.now();
        else return; // somebody else wrote the record: it is theirs now
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ error: messageOf(error) }, 'lease not renewed');
        if (clock.now() - renewedAt >= renewDeadlineMs) return;
      }
    }
  }

  /** Lets the next one take over at once. Best effort: without it the lease simply expires. */
  async #release(): Promise<void> {
    const { store, identity, log } = this.#options;
    if (this.#seen?.record.holder !== identity) return;
    try {
      await store.write(
        { ...this.#record(this.#seen.record, identity), holder: '' },
        this.#version,
        AbortSignal.timeout(2_000),
      );
      this.#seen = undefined;
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'lease not released; it expires by itself');
    }
  }
}
