import type { Clock } from './clock.ts';
import type { LeaseRecord, LeaseStore } from './lease-store.ts';
import { withDeadline } from './with-deadline.ts';

export interface LeaseOptions {
  readonly store: LeaseStore;
  readonly identity: string;
  readonly durationMs: number;
  readonly renewDeadlineMs: number;
  readonly clock: Clock;
}

/**
 * Part of the duration that a candidate counts at most between two answers of the store: more than its pause and a question
 * that was lost, and so little that a former holder has two thirds of the duration to ask first after an outage.
 */
const COUNTED_PART = 1 / 3;

/** The release is a courtesy: it must not hold up the end of a process for long. */
const RELEASE_MS = 2_000;

/**
 * One candidate's view of a lease. All times by its own monotonic clock.
 *
 * Why at most one holds it: a holder counts its time from before it sent the write, a candidate from after it read the
 * record, so the candidate's clock starts later; and the holder's time (`renewDeadlineMs`) is shorter.
 *
 * A candidate's clock stands still while the store gives no answer: a holder that lives cannot have renewed either. So
 * after an outage of the store the same one leads on, instead of whoever asks first, and nothing that follows the leader
 * has to move.
 */
export class Lease {
  readonly #options: LeaseOptions;
  /** Last version that was read or written, and when it was first seen, plus the time without an answer since. */
  #seen: { record: LeaseRecord; version: string; at: number } | undefined;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #sentAt = Number.NEGATIVE_INFINITY;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Milliseconds until a holder has to stop; not positive where it does not hold the lease any more. */
  get leftMs(): number {
    return this.#sentAt + this.#options.renewDeadlineMs - this.#options.clock.now();
  }

  /** True where the lease is ours now. Rejects where the store does not answer. */
  async tryAcquire(signal: AbortSignal): Promise<boolean> {
    await this.#look(signal);
    return this.#isFree() && (await this.#write(this.#options.identity, signal));
  }

  /**
   * Writes our record anew. False where somebody else holds the lease. Rejects where the store does not answer; it may
   * hold the new record then.
   */
  renew(signal: AbortSignal): Promise<boolean> {
    return this.#rewrite(this.#options.identity, signal);
  }

  /** Lets the next one take over at once, where it is ours. Without it the lease simply expires. */
  async release(signal: AbortSignal): Promise<void> {
    if (this.#seen?.record.holder !== this.#options.identity) return;
    const { clock } = this.#options;
    const overdue = 'the lease was not released';
    await withDeadline((inner) => this.#rewrite('', inner), { clock, ms: RELEASE_MS, overdue, signal });
    this.#seen = undefined;
  }

  /** Writes what is ours, and once more where the version that we knew is old. */
  async #rewrite(holder: string, signal: AbortSignal): Promise<boolean> {
    if (await this.#write(holder, signal)) return true;
    // Our own earlier write whose answer was lost, or somebody who touched only the metadata, is no loss of the lease.
    await this.#look(signal);
    return this.#seen?.record.holder === this.#options.identity && (await this.#write(holder, signal));
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { store, clock, durationMs } = this.#options;
    const found = await this.#request((inner) => store.read(inner), signal);
    const now = clock.now();
    const uncountedMs = now - this.#answeredAt - durationMs * COUNTED_PART;
    this.#answeredAt = now;
    if (found === undefined) this.#seen = undefined;
    else if (found.version !== this.#seen?.version) this.#seen = { ...found, at: now };
    else if (uncountedMs > 0) this.#seen.at += uncountedMs;
  }

  #isFree(): boolean {
    const { identity, durationMs, clock } = this.#options;
    if (this.#seen === undefined) return true;
    const { record, at } = this.#seen;
    if (record.holder === '' || record.holder === identity) return true;
    // The longer of both durations: replicas of two versions may differ in it while they are exchanged.
    return clock.now() - at >= Math.max(record.durationMs, durationMs);
  }

  async #write(holder: string, signal: AbortSignal): Promise<boolean> {
    const { store, clock } = this.#options;
    const record = this.#record(holder);
    const sentAt = clock.now();
    const written = await this.#request((inner) => store.write(record, this.#seen?.version, inner), signal);
    if (written === 'conflict') return false;
    this.#seen = { record, version: written.version, at: clock.now() };
    this.#sentAt = sentAt;
    return true;
  }

  #record(holder: string): LeaseRecord {
    const { clock, durationMs } = this.#options;
    const now = clock.wall();
    const previous = this.#seen?.record;
    const isSame = previous?.holder === holder;
    return {
      holder,
      durationMs,
      acquiredAt: isSame ? previous.acquiredAt : now,
      renewedAt: now,
      // Counts holders: giving it up is no transition, the next holder is.
      transitions: (previous?.transitions ?? 0) + (previous === undefined || isSame || holder === '' ? 0 : 1),
    };
  }

  /** Half the renew deadline, so that one request that hangs leaves time for another. */
  #request<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, renewDeadlineMs } = this.#options;
    const overdue = 'the store of the lease gave no answer';
    return withDeadline(work, { clock, ms: renewDeadlineMs / 2, overdue, signal });
  }
}
