import { allotAliases, type RangeProblem } from '#network/ipam';
import type { Announcement, ClusterNetwork, ConditionUpdate, Peer, PeerNetwork, RangeAlias } from '#pkg/api';

/** A freed alias rests this long: packets for its old owner may still be on their way. */
export const REST_MS = 15 * 60_000;

const DEFAULT_POOLS = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];

export interface LinkFacts {
  readonly own: ClusterNetwork;
  readonly peer: Peer;
  readonly others: readonly Peer[];
  /** What the peer said last; undefined while it said nothing. */
  readonly theirs: Announcement | undefined;
  readonly now: Date;
}

export interface LinkDecision {
  /** For the status of the Peer. */
  readonly network: PeerNetwork;
  /** What we say to the peer. */
  readonly ours: Announcement;
  readonly condition: ConditionUpdate;
}

/**
 * How we see the peer's network from now on, and what we tell it. Pure: what was chosen before is read from the Peer's
 * status, so a restart changes nothing (NET-05), and a peer that says nothing keeps what it has.
 */
export function decideLink(facts: LinkFacts): LinkDecision {
  const { own, peer, theirs } = facts;
  const standing = peer.status?.network ?? {};
  if (theirs?.ranges === undefined) {
    const message = `the network of ${peer.metadata.name} is not known yet; it is told when both clusters have one`;
    return {
      network: standing,
      ours: announcementOf(own, standing.aliases ?? []),
      condition: { type: 'NetworkReady', status: 'Unknown', reason: 'WaitingForPeer', message },
    };
  }
  const { aliases, problems } = allotAliases({
    announced: theirs.ranges,
    // The same range gets back what it had a moment ago.
    standing: [...(standing.aliases ?? []), ...(standing.freed ?? []).map(({ range, alias }) => ({ range, alias }))],
    taken: [...rangesOfOurs(own), ...aliasesOf(facts.others)],
    resting: restingAliases(facts),
    pools: own.spec.aliasPools ?? DEFAULT_POOLS,
  });
  return {
    network: {
      aliases: [...aliases],
      ourAliases: (theirs.aliases ?? []).filter(({ range }) => announcedRanges(own).includes(range)),
      freed: freedNow(standing, aliases, facts.now),
      ...(theirs.publicKey !== undefined && { publicKey: theirs.publicKey }),
      ...(theirs.endpoints !== undefined && { endpoints: theirs.endpoints }),
    },
    ours: announcementOf(own, aliases),
    condition: conditionOf(peer, problems),
  };
}

function conditionOf(peer: Peer, problems: readonly RangeProblem[]): ConditionUpdate {
  const [first] = problems;
  if (first !== undefined) {
    const message = problems.map((problem) => problem.message).join('; ');
    return { type: 'NetworkReady', status: 'False', reason: first.code, message };
  }
  const message = `the ranges are agreed with ${peer.metadata.name}; no tunnel runs`;
  return { type: 'NetworkReady', status: 'Unknown', reason: 'NoTunnel', message };
}

/** Ranges of ours that a peer may reach. Service ranges stay ours alone: what is offered there is published otherwise. */
function announcedRanges({ spec }: ClusterNetwork): string[] {
  return [...spec.podRanges, spec.anchorRange];
}

function rangesOfOurs({ spec }: ClusterNetwork): string[] {
  const { podRanges, serviceRanges = [], nodeRanges = [], reservedRanges = [], anchorRange } = spec;
  return [...podRanges, ...serviceRanges, ...nodeRanges, ...reservedRanges, anchorRange];
}

function announcementOf(own: ClusterNetwork, aliases: readonly RangeAlias[]): Announcement {
  const { publicKey, endpoints } = own.status ?? {};
  return {
    ...(publicKey !== undefined && { publicKey }),
    ...(endpoints !== undefined && { endpoints }),
    ranges: announcedRanges(own),
    aliases: [...aliases],
  };
}

function aliasesOf(peers: readonly Peer[]): string[] {
  return peers.flatMap((peer) => (peer.status?.network?.aliases ?? []).map(({ alias }) => alias));
}

function isResting(at: string, now: Date): boolean {
  return now.getTime() - Date.parse(at) < REST_MS;
}

/** Aliases that nobody may get yet; the owner itself may have its own again, for the same range. */
function restingAliases({ peer, others, theirs, now }: LinkFacts): string[] {
  const isBack = (owner: Peer, range: string) => owner === peer && theirs?.ranges?.includes(range) === true;
  return [peer, ...others].flatMap((owner) =>
    (owner.status?.network?.freed ?? [])
      .filter(({ range, at }) => isResting(at, now) && !isBack(owner, range))
      .map(({ alias }) => alias),
  );
}

function freedNow(standing: PeerNetwork, aliases: readonly RangeAlias[], now: Date): NonNullable<PeerNetwork['freed']> {
  const isKept = ({ alias }: RangeAlias) => aliases.some((entry) => entry.alias === alias);
  const resting = (standing.freed ?? []).filter((entry) => isResting(entry.at, now) && !isKept(entry));
  const at = `${now.toISOString().slice(0, 19)}Z`;
  const freed = (standing.aliases ?? []).filter((entry) => !isKept(entry)).map((entry) => ({ ...entry, at }));
  return [...resting, ...freed];
}
