import { type Backoff, decorrelatedJitter } from '#pkg/runtime';

/** Losses in a row after which a session is begun anew for the first time: half a second of silence. */
const AFTER_MISSED = 2;

/** A new session needs a moment on a busy machine, and ends where the other side begins one too. */
const PAUSE = { minMs: 2_000, maxMs: 30_000 };

/**
 * When to begin the session of a silent peer anew. The pauses grow and differ on both sides: two that do it in step would
 * end each other's sessions for ever.
 */
export class SessionResets {
  readonly #random: () => number;
  readonly #peers = new Map<string, { readonly backoff: Backoff; notBeforeMs: number }>();

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** To be called with each lost probe. @param missed losses in a row @returns whether to begin anew now */
  isDue(peer: string, missed: number, nowMs: number): boolean {
    if (missed < AFTER_MISSED) return false;
    const entry = this.#peers.get(peer) ?? {
      backoff: decorrelatedJitter({ ...PAUSE, random: this.#random }),
      notBeforeMs: -Infinity,
    };
    this.#peers.set(peer, entry);
    if (nowMs < entry.notBeforeMs) return false;
    entry.notBeforeMs = nowMs + entry.backoff.next();
    return true;
  }

  /** It answers: the next silence is a new one. */
  answered(peer: string): void {
    this.#peers.delete(peer);
  }

  keepOnly(peers: ReadonlySet<string>): void {
    for (const peer of this.#peers.keys()) if (!peers.has(peer)) this.#peers.delete(peer);
  }
}
