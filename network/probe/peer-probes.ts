import { RoundTrip } from './round-trip.ts';

const INTERVAL_MS = 1_000;

/** After a loss: two losses are then known 500 ms after the first one, in time for a failover within 3 s (NET-21). */
const URGENT_INTERVAL_MS = 250;

/** NET-25. */
const DOWN_AFTER_LOSSES = 5;

/** Loss is counted over this time; also the bound of what is remembered: at most one probe each 250 ms, so 121. */
const WINDOW_MS = 30_000;

/** Answers that come later than this say nothing about now. Above the longest timeout. */
const ANSWERABLE_MS = 3_000;

/** Told of a timeout later than this, the process stood still: answers may lie unread in the socket. */
const STALL_MS = 100;

/** How one peer answers. */
export interface ProbeState {
  /** `up` after an answer, `down` after five losses in a row, `unknown` before the one or the other. */
  readonly state: 'unknown' | 'up' | 'down';
  /** Losses in a row until now. */
  readonly missed: number;
  /** Milliseconds of the last answer; absent before the first one. */
  readonly roundTripMs?: number;
  /** Milliseconds, smoothed (RFC 6298); absent before the first answer. */
  readonly smoothedRoundTripMs?: number;
  /** Part of the probes of the last 30 s that was lost, 0 to 1. */
  readonly loss: number;
  /** Wall clock; absent before the first answer. */
  readonly lastAnswerAt?: Date;
}

/** What the caller has to do now, in this order. */
export type ProbeEffect =
  | { readonly do: 'send'; readonly nonce: bigint }
  | { readonly do: 'missed'; readonly count: number }
  | { readonly do: 'change'; readonly to: 'up' | 'down' };

interface SentProbe {
  readonly nonce: bigint;
  readonly sentAt: number;
  dueAt: number;
  isExcused: boolean;
  outcome: 'open' | 'answered' | 'lost';
}

/**
 * Decides when one peer is probed and what its answers mean. No clock, timer or socket of its own: `now` is monotonic
 * milliseconds, `wall` is for people.
 */
export class PeerProbes {
  readonly #newNonce: () => bigint;
  readonly #roundTrip = new RoundTrip();
  /** In the order of sending, of the last 30 s. */
  #probes: SentProbe[] = [];
  #nextSendAt: number;
  #state: ProbeState['state'] = 'unknown';
  #missed = 0;
  /** When the youngest of the answered probes was sent. */
  #answeredSentAt = -Infinity;
  #lastAnswerAt: Date | undefined;

  constructor(firstSendAt: number, newNonce: () => bigint) {
    this.#nextSendAt = firstSendAt;
    this.#newNonce = newNonce;
  }

  /** When `tick` wants to be called next. */
  get nextAt(): number {
    const dues = this.#probes.flatMap(({ outcome, dueAt }) => (outcome === 'open' ? [dueAt] : []));
    return Math.min(this.#nextSendAt, ...dues);
  }

  /** Counts what was not answered in time, and sends. Harmless when called too early. */
  tick(now: number): ProbeEffect[] {
    this.#probes = this.#probes.filter(({ sentAt }) => now - sentAt < WINDOW_MS);
    const effects = this.#probes.flatMap((probe) => (this.#isOverdue(probe, now) ? this.#lose(probe, now) : []));
    if (now < this.#nextSendAt) return effects;
    // From the planned time, so that the rhythm does not drift, but never several at once after a pause.
    this.#nextSendAt = Math.max(this.#nextSendAt + this.#intervalMs, now + URGENT_INTERVAL_MS);
    const nonce = this.#newNonce();
    const dueAt = now + this.#roundTrip.timeoutMs;
    this.#probes.push({ nonce, sentAt: now, dueAt, isExcused: false, outcome: 'open' });
    return [...effects, { do: 'send', nonce }];
  }

  /**
   * An answer has come. `undefined`: to no probe that waits for one. One that comes after its time still says that the
   * peer lives, and is no loss any more.
   */
  answer(nonce: bigint, now: number, wall: Date): ProbeEffect[] | undefined {
    const probe = this.#probes.find((one) => one.nonce === nonce);
    if (probe === undefined || probe.outcome === 'answered' || now - probe.sentAt > ANSWERABLE_MS) return undefined;
    probe.outcome = 'answered';
    this.#answeredSentAt = Math.max(this.#answeredSentAt, probe.sentAt);
    this.#roundTrip.add(now - probe.sentAt);
    this.#lastAnswerAt = wall;
    this.#missed = 0;
    return this.#become('up');
  }

  /** Milliseconds to wait for an answer of this peer. */
  get timeoutMs(): number {
    return this.#roundTrip.timeoutMs;
  }

  state(now: number): ProbeState {
    const { lastMs, smoothedMs } = this.#roundTrip;
    const ended = this.#probes.filter(({ sentAt, outcome }) => outcome !== 'open' && now - sentAt < WINDOW_MS);
    const lost = ended.filter(({ outcome }) => outcome === 'lost').length;
    return {
      state: this.#state,
      missed: this.#missed,
      ...(lastMs === undefined ? {} : { roundTripMs: lastMs }),
      ...(smoothedMs === undefined ? {} : { smoothedRoundTripMs: smoothedMs }),
      loss: ended.length === 0 ? 0 : lost / ended.length,
      ...(this.#lastAnswerAt === undefined ? {} : { lastAnswerAt: this.#lastAnswerAt }),
    };
  }

  get #intervalMs(): number {
    return this.#missed > 0 && this.#state !== 'down' ? URGENT_INTERVAL_MS : INTERVAL_MS;
  }

  #isOverdue(probe: SentProbe, now: number): boolean {
    if (probe.outcome !== 'open' || now < probe.dueAt) return false;
    if (probe.isExcused || now - probe.dueAt < STALL_MS) return true;
    probe.isExcused = true;
    probe.dueAt = now + STALL_MS;
    return false;
  }

  #lose(probe: SentProbe, now: number): ProbeEffect[] {
    probe.outcome = 'lost';
    // Overtaken by the answer to a younger one: a loss, but not one after the last answer.
    if (probe.sentAt < this.#answeredSentAt) return [];
    this.#missed += 1;
    const change = this.#missed >= DOWN_AFTER_LOSSES ? this.#become('down') : [];
    if (this.#state !== 'down') {
      const urgentAt = (this.#probes.at(-1)?.sentAt ?? now) + URGENT_INTERVAL_MS;
      this.#nextSendAt = Math.min(this.#nextSendAt, Math.max(now, urgentAt));
    }
    return [{ do: 'missed', count: this.#missed }, ...change];
  }

  #become(to: 'up' | 'down'): ProbeEffect[] {
    if (this.#state === to) return [];
    this.#state = to;
    return [{ do: 'change', to }];
  }
}
