import {
  type NamespaceClaim,
  type Offloading,
  type OffloadingPeerState,
  type OffloadingStatus,
  setCondition,
} from '#pkg/api';

/** What is known about the claim at one peer. */
export type ClaimView =
  | { readonly state: 'Away'; readonly why: string }
  | { readonly state: 'None' }
  | { readonly state: 'Known'; readonly claim: NamespaceClaim };

/**
 * One line of `status.peers`. While a peer is away its last answer stays: a twin does not go because a link is down.
 * @param isEnding the twin there is to go
 */
export function peerState(
  peer: string,
  view: ClaimView,
  previous: OffloadingPeerState | undefined,
  isEnding: boolean,
): OffloadingPeerState {
  if (view.state === 'Away') {
    if (isEnding) return ending(peer, previous, `the twin goes when the peer is back: ${view.why}`);
    return previous ?? { peer, state: 'Waiting', reason: 'PeerNotConnected', message: view.why };
  }
  if (view.state === 'None') {
    if (isEnding) return ending(peer, previous, 'the twin is gone');
    return { peer, state: 'Waiting', reason: 'Waiting', message: 'the twin is being asked for' };
  }
  const { claim } = view;
  if (isEnding) return ending(peer, fromClaim(peer, claim), 'pods that run there are moved away, then the twin goes');
  if (claim.metadata.deletionTimestamp !== undefined) {
    return ending(peer, fromClaim(peer, claim), 'an earlier twin is still being removed; a new one follows');
  }
  return fromClaim(peer, claim);
}

function fromClaim(peer: string, { status }: NamespaceClaim): OffloadingPeerState {
  return {
    peer,
    state: status?.state ?? 'Waiting',
    reason: status?.reason ?? 'Waiting',
    message: status?.message ?? 'the provider has not answered yet',
    ...(status?.twin !== undefined && { twin: status.twin }),
    ...(status?.ownerUid !== undefined && { ownerUid: status.ownerUid }),
  };
}

function ending(peer: string, from: OffloadingPeerState | undefined, message: string): OffloadingPeerState {
  return {
    peer,
    ...(from?.twin !== undefined && { twin: from.twin }),
    ...(from?.ownerUid !== undefined && { ownerUid: from.ownerUid }),
    state: 'Ending',
    reason: 'Ending',
    message,
  };
}

export type Summary = 'AllReady' | 'Waiting' | 'SomeFailed' | 'AllFailed' | 'NoPeerSelected' | 'Terminating';

/** Over the selected peers; those that are ending do not count. */
export function summarize(states: readonly OffloadingPeerState[]): { summary: Summary; message: string } {
  const counted = states.filter((entry) => entry.state !== 'Ending');
  const refused = counted.filter((entry) => entry.state === 'Refused');
  if (counted.length === 0) {
    const isReplaced = states.length > 0;
    if (isReplaced) return { summary: 'Waiting', message: `an earlier twin is still going at ${names(states)}` };
    return {
      summary: 'NoPeerSelected',
      message: 'no virtual node matches; peer with a cluster or change the selector',
    };
  }
  if (refused.length > 0) {
    const message = refused.map((entry) => `${entry.peer}: ${entry.message}`).join('; ');
    return { summary: refused.length === counted.length ? 'AllFailed' : 'SomeFailed', message };
  }
  const waiting = counted.filter((entry) => entry.state === 'Waiting');
  if (waiting.length > 0) return { summary: 'Waiting', message: `waits for ${names(waiting)}` };
  return { summary: 'AllReady', message: `offloaded to ${names(counted)}` };
}

function names(states: readonly OffloadingPeerState[]): string {
  return states.map((entry) => entry.peer).join(', ');
}

/** The status to store for these peers. The same object comes back where nothing changed. */
export function offloadingStatus(
  offloading: Offloading,
  states: readonly OffloadingPeerState[],
  verdict: { summary: Summary; message: string },
  now: Date,
): OffloadingStatus {
  const { summary, message } = verdict;
  const stored = offloading.status;
  const conditions = setCondition(
    stored?.conditions,
    {
      type: 'Ready',
      status: summary === 'AllReady' ? 'True' : 'False',
      reason: summary,
      message: message.slice(0, 1024),
    },
    now,
  );
  const { generation } = offloading.metadata;
  const next: OffloadingStatus = {
    ...(generation !== undefined && { observedGeneration: generation }),
    ...(stored?.activated !== undefined && { activated: stored.activated }),
    summary,
    peers: states.toSorted((a, b) => (a.peer < b.peer ? -1 : 1)),
    conditions,
  };
  return stored !== undefined && JSON.stringify(sorted(stored)) === JSON.stringify(sorted(next)) ? stored : next;
}

/** Key order differs between what we build and what the server stores. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
