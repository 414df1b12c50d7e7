import { type Peer, PEERING_REQUEST, type PeeringRequest, SYSTEM_NAMESPACE, typeMeta } from '#pkg/api';
import { KubeError } from '#pkg/kube';
import { PeeringError } from '../errors.ts';
import type { Fingerprint } from '../identity/fingerprint.ts';
import { unlessNotFound } from '../not-found.ts';
import { type KnownPeers, mayUse } from '../peer-view.ts';
import type { ProviderDeps } from '../provider/options.ts';
import type { ApprovalAnswer, RequestForApproval, WithdrawAnswer } from '../wire.ts';
import { countWaiting, type KnownRequests, pollAfterSeconds } from './known-requests.ts';
import { MAX_WAITING, requestRef, stateOf } from './request-state.ts';

export interface RequestDeskDeps extends ProviderDeps {
  readonly peers: KnownPeers;
  readonly requests: KnownRequests;
}

/** Takes requests for approval. A request gives no right at all: it only makes an object that people look at. */
export interface RequestDesk {
  /** Whether it asks already, or is a peer: such calls make no object, and are not counted. */
  isKnown(asking: Fingerprint): boolean;
  /**
   * Makes the request, or says how it stands. Safe to repeat; one key has one request.
   * @throws PeeringError `TooManyRequests`, `OwnCluster`, `PeerBusy`
   */
  ask(body: RequestForApproval, asking: Fingerprint, signal: AbortSignal): Promise<ApprovalAnswer>;
  /** Takes a request back. One that was rejected stays known, so that nobody escapes it by asking anew. */
  withdraw(asking: Fingerprint, signal: AbortSignal): Promise<WithdrawAnswer>;
}

const DEFAULT_LIFETIME_SECONDS = 24 * 3600;
/** Requests that are made one after the other, so that the bound holds; more than that come back later. */
const MAX_QUEUED = 32;
const MAX_TRIES = 3;

export function requestDesk(deps: RequestDeskDeps): RequestDesk {
  const { client, clock, identity, options, peers, requests } = deps;
  let queued = 0;
  let last: Promise<unknown> = Promise.resolve();

  const refuse = (code: 'TooManyRequests' | 'OwnCluster' | 'PeerBusy', why: string) =>
    new PeeringError(code, { attempted: 'ask for approval', where: options.clusterName, why });

  const answer = (state: ApprovalAnswer['state'], why: string): ApprovalAnswer => {
    return { state, why, pollAfterSeconds: pollAfterSeconds(requests.waiting(clock.wall())) };
  };

  const tell = (request: PeeringRequest): ApprovalAnswer => {
    const now = clock.wall();
    const state = stateOf(request, now);
    const stored = request.status?.state === state ? request.status.message : undefined;
    const own = state === 'Expired' ? `nobody answered until ${request.spec.expiresAt}` : 'nobody has answered yet';
    return answer(state, stored ?? own);
  };

  /** A cluster that may use us already has been accepted, whatever became of its request. */
  const acceptedAs = async (asking: Fingerprint, isFresh: boolean, signal: AbortSignal): Promise<Peer | undefined> => {
    const peer = isFresh ? await peers.fresh(asking, signal) : peers.cached(asking);
    return peer !== undefined && mayUse(peer) ? peer : undefined;
  };

  /** One after the other: the bound on those that wait is counted after each. */
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (queued >= MAX_QUEUED) throw refuse('PeerBusy', 'many clusters ask at this moment');
    queued++;
    const turn = last.then(work);
    last = turn.catch(() => undefined); // whoever waits for this turn hears of its error
    try {
      return await turn;
    } finally {
      queued--;
    }
  };

  const make = async (
    body: RequestForApproval,
    asking: Fingerprint,
    signal: AbortSignal,
  ): Promise<PeeringRequest | undefined> => {
    signal.throwIfAborted(); // the caller hung up while others were served
    if (requests.waiting(clock.wall()) >= MAX_WAITING) throw tooMany();
    const lifetimeSeconds = options.requestLifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS;
    const { clusterName, addresses, version, askedAt } = body;
    const expiresAt = new Date(clock.wall().getTime() + lifetimeSeconds * 1000).toISOString();
    const request: PeeringRequest = {
      ...typeMeta(PEERING_REQUEST),
      metadata: requestRef(asking),
      spec: { fingerprint: asking, clusterName, addresses, version, askedAt, expiresAt },
    };
    let made: PeeringRequest;
    try {
      made = await client.create<PeeringRequest>(PEERING_REQUEST, request, { signal });
    } catch (error) {
      if (error instanceof KubeError && error.isAlreadyExists) return undefined;
      throw error;
    }
    // The cache may lag behind, and another replica may have made one too: what is stored counts.
    const { items } = await client.list<PeeringRequest>(PEERING_REQUEST, { namespace: SYSTEM_NAMESPACE }, { signal });
    if (countWaiting(items, clock.wall()) <= MAX_WAITING) return made;
    await remove(made, signal);
    throw tooMany();
  };
  const tooMany = () => refuse('TooManyRequests', `${MAX_WAITING} requests wait there already`);

  const remove = async ({ metadata }: PeeringRequest, signal: AbortSignal): Promise<void> => {
    const { name, uid } = metadata;
    const precondition = uid === undefined ? {} : { uid };
    await client
      .delete(PEERING_REQUEST, { namespace: SYSTEM_NAMESPACE, name }, { ...precondition, signal })
      .catch((error: unknown) => {
        // Conflict: a newer one has taken its place.
        if (!(error instanceof KubeError && error.isConflict)) unlessNotFound(error);
      });
  };

  const stored = (asking: Fingerprint, signal: AbortSignal) =>
    client.get<PeeringRequest>(PEERING_REQUEST, requestRef(asking), { signal }).catch(unlessNotFound);

  /** An answer that stands; `undefined` where the request is of an earlier wish and has to be made anew. */
  const standing = async (
    request: PeeringRequest,
    body: RequestForApproval,
    signal: AbortSignal,
  ): Promise<ApprovalAnswer | undefined> => {
    switch (stateOf(request, clock.wall())) {
      case 'Waiting':
      case 'Rejected':
        return tell(request);
      case 'Expired':
        return request.spec.askedAt === body.askedAt ? tell(request) : undefined;
      case 'Accepted':
        // Its Peer may be newer than our cache, or gone: then that peering has ended.
        return (await acceptedAs(request.spec.fingerprint as Fingerprint, true, signal)) === undefined
          ? undefined
          : tell(request);
    }
  };

  return {
    isKnown(asking) {
      const peer = peers.cached(asking);
      if (peer !== undefined && mayUse(peer)) return true;
      const request = requests.get(asking);
      if (request === undefined) return false;
      const state = stateOf(request, clock.wall());
      return state === 'Waiting' || state === 'Rejected';
    },
    async ask(body, asking, signal) {
      if (asking === identity.fingerprint) throw refuse('OwnCluster', 'it is asked by this same cluster');
      if ((await acceptedAs(asking, false, signal)) !== undefined)
        return answer('Accepted', `${options.clusterName} lends to it`);
      let request = requests.get(asking);
      for (let tries = 1; ; tries++) {
        if (request !== undefined) {
          const said = await standing(request, body, signal);
          if (said !== undefined) return said;
          await remove(request, signal);
        }
        const made = await inTurn(() => make(body, asking, signal));
        if (made !== undefined) return tell(made);
        if (tries === MAX_TRIES) throw refuse('PeerBusy', 'its request changes at this moment');
        request = await stored(asking, signal);
      }
    },
    async withdraw(asking, signal) {
      const isRejected = (request: PeeringRequest | undefined) =>
        request !== undefined && stateOf(request, clock.wall()) === 'Rejected';
      if (isRejected(requests.get(asking))) return { state: 'Gone' };
      const request = await stored(asking, signal);
      if (request !== undefined && !isRejected(request)) await remove(request, signal);
      return { state: 'Gone' };
    },
  };
}
