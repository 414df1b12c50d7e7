import type { Clock } from '#pkg/runtime';

/** MAX_PROBES of RFC 8899 section 5.1.2: a lost packet is no proof that it was too large. */
const TRIES = 3;

type Outcome = 'answered' | 'lost' | 'dropped';

interface Search {
  readonly nonce: bigint;
  readonly settle: (outcome: Outcome) => void;
}

/** Padded probes that wait for their answer: at most one per peer. */
export class SizeProbes {
  readonly #clock: Clock;
  readonly #searches = new Map<string, Search>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Whether one of three probes was answered within `timeoutMs` each. `send` sends one and returns its nonce. A search of
   * the same peer that is under way ends with false.
   */
  async search(peer: string, timeoutMs: number, send: () => bigint): Promise<boolean> {
    this.drop(peer);
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const outcome = await this.#once(peer, timeoutMs, send());
      if (outcome !== 'lost') return outcome === 'answered';
    }
    return false;
  }

  /** False where nobody waits for this answer. */
  answer(nonce: bigint): boolean {
    for (const search of this.#searches.values()) {
      if (search.nonce !== nonce) continue;
      search.settle('answered');
      return true;
    }
    return false;
  }

  drop(peer: string): void {
    this.#searches.get(peer)?.settle('dropped');
  }

  #once(peer: string, timeoutMs: number, nonce: bigint): Promise<Outcome> {
    return new Promise((resolve) => {
      const settle = (outcome: Outcome): void => {
        timer[Symbol.dispose]();
        this.#searches.delete(peer);
        resolve(outcome);
      };
      const timer = this.#clock.timer(() => settle('lost'), timeoutMs);
      this.#searches.set(peer, { nonce, settle });
    });
  }
}
