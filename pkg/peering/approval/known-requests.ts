import type { PeeringRequest } from '#pkg/api';
import { type Informer, keyOf } from '#pkg/kube';
import { MAX_WAITING, requestRef, stateOf } from './request-state.ts';

/** Who asks, for the peering endpoint of any replica. From the cache: costs no request, however often somebody asks. */
export interface KnownRequests {
  get(fingerprint: string): PeeringRequest | undefined;
  /** How many wait at that time. */
  waiting(now: Date): number;
}

/** @param requests all of the system namespace */
export function knownRequests(requests: Pick<Informer<PeeringRequest>, 'get' | 'list'>): KnownRequests {
  return {
    get: (fingerprint) => requests.get(keyOf({ metadata: requestRef(fingerprint) })),
    waiting: (now) => countWaiting(requests.list(), now),
  };
}

export function countWaiting(requests: readonly PeeringRequest[], now: Date): number {
  return requests.filter((request) => stateOf(request, now) === 'Waiting').length;
}

/** How long an asking cluster leaves us alone: two seconds, so that acceptance is seen soon; more where many ask. */
export function pollAfterSeconds(waiting: number): number {
  return Math.min(6, Math.max(2, Math.ceil((6 * waiting) / MAX_WAITING)));
}
