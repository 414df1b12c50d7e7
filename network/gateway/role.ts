import type { Heartbeat } from './heartbeat.ts';

/** Between two heartbeats. */
export const HEARTBEAT_MS = 200;

/**
 * Silence after which the active replica counts as gone. One that is heard again after it was replaced was only slow:
 * then the next silence has to be longer, since each change costs more than waiting.
 */
const PATIENCE_MS = 1_000;
const MAX_PATIENCE_MS = 2_000;
const PATIENCE_GROWTH = 1.5;

/** A replica that is heard so soon after it was replaced had not gone. */
const REGRET_MS = 5_000;

/** The active replica renews its Lease each {@link RENEW_MS}; one that nobody has renewed for so long is free. */
export const RENEW_MS = 5_000;
export const LEASE_MS = 15_000;

/** What the Lease says. */
export interface Claim {
  readonly holder: string;
  /** Grows with each change of the holder: of two that both believe to be active, the higher one is right. */
  readonly epoch: number;
  /** Changes with each renewal. */
  readonly version: string;
}

/**
 * Who forwards: the decisions of one replica, without clock, socket or API.
 *
 * A standby takes over when the active one's heartbeats stop that it has heard before, and when the Lease is not renewed
 * any more: where heartbeats never arrive, two replicas must not take the role from each other again and again. The
 * active one goes on whatever it hears from the API, until it learns of a higher epoch.
 */
export class Role {
  readonly #self: string;
  #isActive = false;
  /** Of our own claim while active, else the highest that we know. */
  #epoch = 0;
  #claim: Claim | undefined;
  /** When the claim was seen to change last. */
  #claimSeenMs: number;
  /** When the holder was heard last, and whether it was at all. */
  #heardMs: number | undefined;
  #patienceMs = PATIENCE_MS;
  /** Whom we replaced last because of silence, and when. */
  #replaced: { readonly holder: string; readonly atMs: number } | undefined;
  #tickedMs: number;
  readonly #sequences = new Map<string, number>();

  constructor(self: string, nowMs: number) {
    this.#self = self;
    this.#claimSeenMs = nowMs;
    this.#tickedMs = nowMs;
  }

  get isActive(): boolean {
    return this.#isActive;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** A heartbeat of another replica. */
  heard(heartbeat: Heartbeat, nowMs: number): void {
    const last = this.#sequences.get(heartbeat.from) ?? -1;
    if (heartbeat.from === this.#self || heartbeat.sequence <= last) return;
    this.#sequences.set(heartbeat.from, heartbeat.sequence);
    if (heartbeat.from === this.#replaced?.holder && nowMs - this.#replaced.atMs < REGRET_MS) {
      this.#patienceMs = Math.min(this.#patienceMs * PATIENCE_GROWTH, MAX_PATIENCE_MS);
      this.#replaced = undefined;
    }
    if (heartbeat.epoch < this.#epoch) return;
    if (this.#isActive && heartbeat.epoch > this.#epoch) this.#isActive = false;
    this.#epoch = heartbeat.epoch;
    if (heartbeat.isActive) this.#heardMs = nowMs;
    // The holder itself says that it leaves: nobody has to wait for silence.
    else if (heartbeat.from === this.#claim?.holder) this.#heardMs = -Infinity;
  }

  /** The Lease as it stands; `undefined` where there is none. */
  sawClaim(claim: Claim | undefined, nowMs: number): void {
    if (claim?.version !== this.#claim?.version) this.#claimSeenMs = nowMs;
    if (claim?.holder !== this.#claim?.holder) this.#heardMs = undefined;
    this.#claim = claim;
    if (claim === undefined) return;
    if (claim.holder !== this.#self && claim.epoch > this.#epoch) this.#isActive = false;
    if (!this.#isActive) this.#epoch = Math.max(this.#epoch, claim.epoch);
  }

  /** To be called at each beat: one that comes late says that this process stood still, and heartbeats lie unread. */
  tick(nowMs: number): void {
    const lateMs = nowMs - this.#tickedMs - HEARTBEAT_MS;
    if (lateMs > HEARTBEAT_MS && this.#heardMs !== undefined) this.#heardMs += lateMs;
    this.#tickedMs = nowMs;
  }

  /** Replicas that are gone are forgotten. */
  keepOnly(replicas: ReadonlySet<string>): void {
    for (const from of this.#sequences.keys()) if (!replicas.has(from)) this.#sequences.delete(from);
  }

  /**
   * Whether this replica should try to claim the role now.
   * @param holderExists whether the pod that holds it is still there
   */
  shouldClaim(nowMs: number, holderExists: boolean): boolean {
    if (this.#isActive) return false;
    if (this.#claim === undefined || !holderExists || this.#claim.holder === this.#self) return true;
    if (this.#isSilent(nowMs)) return true;
    return nowMs - this.#claimSeenMs > LEASE_MS;
  }

  /** The claim was written. */
  claimed(epoch: number, nowMs: number): void {
    if (!this.#isActive && this.#claim !== undefined && this.#isSilent(nowMs)) {
      this.#replaced = { holder: this.#claim.holder, atMs: nowMs };
    }
    this.#isActive = true;
    this.#epoch = epoch;
  }

  #isSilent(nowMs: number): boolean {
    return this.#heardMs !== undefined && nowMs - this.#heardMs > this.#patienceMs;
  }

  /** This replica gives the role up. */
  leave(): void {
    this.#isActive = false;
  }
}
