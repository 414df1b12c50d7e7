import { type PeeringRequest, SYSTEM_NAMESPACE } from '#pkg/api';

export type RequestState = NonNullable<NonNullable<PeeringRequest['status']>['state']>;

/** Most requests that wait at once: a page of them is what a person can judge (PEER-11). */
export const MAX_WAITING = 100;

/** One name per key, so that a cluster has one request however often it asks (PEER-11). */
export function requestRef(fingerprint: string): { namespace: string; name: string } {
  return { namespace: SYSTEM_NAMESPACE, name: `request-${fingerprint.slice(0, 32)}` };
}

/** Where a request stands at that time, whether or not a controller has written it yet. */
export function stateOf({ spec, status }: PeeringRequest, now: Date): RequestState {
  const state = status?.state ?? 'Waiting';
  return state === 'Waiting' && spec.decision === undefined && isPast(spec.expiresAt, now) ? 'Expired' : state;
}

export function isPast(time: string, now: Date): boolean {
  return now.getTime() >= Date.parse(time);
}
