import { LRUCache } from 'lru-cache';
import {
  addAmounts,
  type Amounts,
  maxAmounts,
  type Quantity,
  type Shortage,
  shortages,
  subtractAmounts,
  ZERO,
} from '#pkg/quantity';
import { type Clock, systemClock } from '#pkg/runtime';
import { grantExceeded, type Refusal } from './errors.ts';

/** A pod as the ledger counts it. */
export interface CountedPod {
  /** UID of the pod object. */
  readonly uid: string;
  /** Key of the grant that it uses: `namespace/name`. */
  readonly grant: string;
  /** What stays the same when the pod is made again: UID of the pod at home, or its own. */
  readonly identity: string;
  readonly demand: Amounts;
  readonly isTerminating: boolean;
}

/** An admitted demand that the API server has not stored yet, as far as was seen. */
interface Reservation {
  readonly expiresAt: number;
  /** The pod as it was last seen, where it existed before: what is resized. */
  readonly before: CountedPod | undefined;
}

/** What a grant allows, in exact amounts. */
export interface Allowance {
  readonly name: string;
  readonly granted: Amounts;
  readonly isCordoned: boolean;
}

/** What was admitted and never stored by the API server is forgotten after this long (it failed later in admission). */
const RESERVATION_MS = 30_000;
/** Identities that were admitted once, so that a pod that is made again is not new (NODE-32). 50,000 are about 20 MB. */
const MAX_IDENTITIES = 50_000;

const NOTHING: Amounts = new Map();

/**
 * Counts what every grant has in use: pods that were seen, and pods that were admitted and not seen yet. One writer, in
 * memory only; a new leader fills it from a consistent list before it admits.
 *
 * Of one identity at most one terminating predecessor is not counted beside a living pod: a re-creation fits into a full
 * grant, and a tenant who gives many pods one identity gains nothing.
 */
export class Ledger {
  readonly #clock: Clock;
  readonly #pods = new Map<string, CountedPod>();
  /** Admitted and not seen yet: when they expire, the next one first. */
  readonly #reservations = new Map<string, Reservation>();
  /** Pods of an identity within a grant: what one contributes depends on the others. */
  readonly #identities = new Map<string, Map<string, Map<string, CountedPod>>>();
  readonly #used = new Map<string, Map<string, Quantity>>();
  /** What an identity was admitted with last: made again it gets so much and no more. */
  readonly #admitted = new LRUCache<string, Amounts>({ max: MAX_IDENTITIES });

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** What the grant has in use now. */
  used(grant: string): Amounts {
    this.#expire();
    return this.#used.get(grant) ?? new Map();
  }

  /** Whether a pod of that identity was admitted or seen before. */
  knows(grant: string, identity: string): boolean {
    return this.#admitted.has(`${grant}\0${identity}`);
  }

  /**
   * Admits and reserves, or says why not. Cordoned and full grants still admit a pod that is made again, and one that is
   * resized to what it has or less; only what it asks beyond that needs room (POD-63).
   * @param dryRun decides without reserving
   */
  admit(pod: CountedPod, allowance: Allowance, dryRun = false): Refusal | undefined {
    this.#expire();
    const standing = this.#pods.get(pod.uid);
    const growing = new Set(this.#growthOf(pod, standing).map(({ resource }) => resource));
    if (growing.size > 0) {
      if (allowance.isCordoned) {
        return {
          code: 'GrantCordoned',
          message: `GrantCordoned: the grant ${allowance.name} is cordoned by the provider; running pods stay`,
        };
      }
      const own = this.#contributionOf(pod.grant, standing);
      const free = subtractAmounts(allowance.granted, subtractAmounts(this.used(pod.grant), own));
      const short = shortages(pod.demand, free).find(({ resource }) => growing.has(resource));
      if (short !== undefined)
        return grantExceeded(allowance.name, { ...short, granted: allowance.granted.get(short.resource) });
    }
    if (!dryRun) this.#reserve(pod, standing);
    return undefined;
  }

  /** The pod exists: the reservation becomes a fact, and changes of demand or termination are followed. */
  seen(pod: CountedPod): void {
    const reservation = this.#reservations.get(pod.uid);
    const before = reservation?.before;
    if (reservation === undefined || before === undefined || !isEqual(pod.demand, before.demand)) {
      this.#reservations.delete(pod.uid);
      this.#put(pod);
      return;
    }
    // Stored before its resize was: what is admitted stays reserved.
    this.#reservations.set(pod.uid, { ...reservation, before: pod });
    this.#put({ ...pod, demand: maxAmounts(pod.demand, this.#pods.get(pod.uid)?.demand ?? NOTHING) });
  }

  /** The pod is gone or finished: it counts nothing, at once (NODE-35). @returns the grant that it used; undefined: none */
  gone(uid: string): string | undefined {
    const pod = this.#pods.get(uid);
    this.#reservations.delete(uid);
    if (pod === undefined) return undefined;
    this.#pods.delete(uid);
    this.#recount(pod, (pods) => pods.delete(uid));
    return pod.grant;
  }

  /** What the pod asks beyond what was admitted for it before: everything, where it is new. */
  #growthOf(pod: CountedPod, standing: CountedPod | undefined): Shortage[] {
    const before = this.#hasLivingSibling(pod) ? standing?.demand : this.#admitted.get(`${pod.grant}\0${pod.identity}`);
    return shortages(pod.demand, before ?? NOTHING);
  }

  #reserve(pod: CountedPod, standing: CountedPod | undefined): void {
    const before = this.#reservations.get(pod.uid)?.before ?? standing;
    this.#reservations.delete(pod.uid); // the order of the map is that of expiry
    // A pod that shrinks has its size until that is seen.
    this.#put(before === undefined ? pod : { ...pod, demand: maxAmounts(pod.demand, before.demand) });
    this.#reservations.set(pod.uid, { expiresAt: this.#clock.now() + RESERVATION_MS, before });
  }

  #put(pod: CountedPod): void {
    const old = this.#pods.get(pod.uid);
    if (old !== undefined && (old.grant !== pod.grant || old.identity !== pod.identity)) this.gone(pod.uid);
    this.#pods.set(pod.uid, pod);
    this.#recount(pod, (pods) => pods.set(pod.uid, pod));
    this.#admitted.set(`${pod.grant}\0${pod.identity}`, pod.demand);
  }

  /** Applies a change to the pods of one identity and corrects the sum of the grant by the difference. */
  #recount(pod: CountedPod, change: (pods: Map<string, CountedPod>) => void): void {
    const grants = this.#identities;
    const identities = grants.get(pod.grant) ?? new Map<string, Map<string, CountedPod>>();
    grants.set(pod.grant, identities);
    const pods = identities.get(pod.identity) ?? new Map<string, CountedPod>();
    const before = contribution([...pods.values()]);
    change(pods);
    if (pods.size === 0) identities.delete(pod.identity);
    else identities.set(pod.identity, pods);
    const after = contribution([...pods.values()]);
    const sum = addAmounts(subtractAmounts(this.#used.get(pod.grant) ?? new Map(), before), after);
    this.#used.set(pod.grant, new Map([...sum].filter(([, amount]) => amount !== ZERO)));
    if (identities.size === 0) {
      grants.delete(pod.grant);
      this.#used.delete(pod.grant);
    }
  }

  #hasLivingSibling(pod: CountedPod): boolean {
    const pods = this.#identities.get(pod.grant)?.get(pod.identity);
    return pods !== undefined && [...pods.values()].some((other) => other.uid !== pod.uid && !other.isTerminating);
  }

  #contributionOf(grant: string, pod: CountedPod | undefined): Amounts {
    return pod !== undefined && pod.grant === grant ? pod.demand : NOTHING;
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const [uid, { expiresAt, before }] of this.#reservations) {
      if (expiresAt > now) return; // all have the same life: the rest is younger
      this.#reservations.delete(uid);
      if (before === undefined) this.gone(uid);
      else this.#put(before);
    }
  }
}

/** Living pods of an identity are added up; of the terminating ones the greatest is covered by a living one. */
function contribution(pods: readonly CountedPod[]): Amounts {
  const sum = (list: readonly CountedPod[]) =>
    list.reduce<Amounts>((total, pod) => addAmounts(total, pod.demand), new Map());
  const living = sum(pods.filter((pod) => !pod.isTerminating));
  const terminating = pods.filter((pod) => pod.isTerminating);
  if (terminating.length === 0) return living;
  if (pods.length === terminating.length) return sum(terminating);
  const [covered, ...others] = terminating;
  return addAmounts(maxAmounts(living, covered?.demand ?? new Map()), sum(others));
}

function isEqual(a: Amounts, b: Amounts): boolean {
  return shortages(a, b).length === 0 && shortages(b, a).length === 0;
}
