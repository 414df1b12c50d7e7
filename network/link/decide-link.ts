import { type Cidr, formatCidr, readCidr } from '#network/cidr';
import {
  type AliasRecord,
  checkAnnouncedRanges,
  chooseAliases,
  DEFAULT_POOLS,
  formatAlias,
  gatewayAnchor,
  homeApiAnchor,
  type IpamError,
  type OwnedAlias,
  readAliases,
  translateAddress,
} from '#network/ipam';
import { acceptTransit, fingerprintOf, isTransitAllowed, transitFor } from '#network/transit';
import {
  type Announcement,
  type ClusterNetwork,
  type ConditionUpdate,
  MAX_RANGES,
  type Peer,
  type PeerNetwork,
  type RangeAlias,
  type TransitRange,
} from '#pkg/api';

/** A freed alias rests this long: packets for its old owner may still be on their way. */
export const REST_MS = 15 * 60_000;

export interface LinkFacts {
  readonly own: ClusterNetwork;
  readonly peer: Peer;
  readonly others: readonly Peer[];
  /** Names of those that share an offloaded namespace with the peer. */
  readonly partners: ReadonlySet<string>;
  /** Fingerprint of this cluster. */
  readonly self: string;
  /** What the peer said last; undefined while it said nothing. */
  readonly theirs: Announcement | undefined;
  readonly now: Date;
}

export interface LinkDecision {
  /** For the status of the Peer. */
  readonly network: PeerNetwork;
  /** What we say to the peer. */
  readonly ours: Announcement;
  /** `NetworkReady`, only where something is wrong with the ranges: that it is good shows a tunnel, not a list. */
  readonly condition?: ConditionUpdate;
}

/**
 * How we see the peer's network from now on, and what we tell it. Pure: what was chosen before is read from the Peer's
 * status, so a restart changes nothing (NET-05), and a peer that says nothing keeps what it has. Where one side wants no
 * tunnel, or the peer is this cluster itself, there is none (NET-37).
 */
export function decideLink(facts: LinkFacts): LinkDecision {
  const { own, peer, theirs, self } = facts;
  const standing = peer.status?.network ?? {};
  const isUnwanted = peer.spec.network?.mode === 'None' || fingerprintOf(peer) === self;
  if (isUnwanted || theirs?.mode === 'None') {
    const freed = freedNow(restingOf(peer, facts.now), [], ownedBy(peer.metadata.name, standing.aliases), facts.now);
    return {
      network: { mode: 'None', ...(freed.length > 0 && { freed }) },
      // Each side says what it wants itself: two that repeat each other would never have a tunnel again.
      ours: isUnwanted ? { mode: 'None' } : announcementOf(own, peer, [], undefined),
    };
  }
  const partners = facts.others.filter(({ metadata }) => facts.partners.has(metadata.name));
  if (theirs?.ranges === undefined) {
    const passedOn = transitFor({ own, self, peer, partners, takesPart: standing.transit !== undefined });
    return { network: standing, ours: announcementOf(own, peer, standing.aliases ?? [], passedOn) };
  }
  const { name } = peer.metadata;
  const told = isTransitAllowed(own, peer) ? theirs.transit && acceptTransit(theirs.transit, self) : undefined;
  const passedOn = transitFor({ own, self, peer, partners, takesPart: told !== undefined });
  const { refused } = checkAnnouncedRanges(theirs.ranges);
  const all = checkAnnouncedRanges([...theirs.ranges, ...(told ?? []).map(({ range }) => range)]);
  const choice = chooseAliases({
    announced: new Map([[name, all.accepted]]),
    existing: ownedBy(name, standing.aliases),
    own: read([...rangesOfOurs(own), ...aliasesOf(facts.others)]),
    pools: read(own.spec.aliasPools ?? DEFAULT_POOLS),
    resting: [peer, ...facts.others].flatMap((owner) => ownedBy(owner.metadata.name, restingOf(owner, facts.now))),
  });
  const ourAliases = usableAliases(theirs.aliases, [
    ...announcedRanges(own),
    ...(passedOn ?? []).map(({ range }) => range),
  ]);
  const aliases = (choice.aliases.get(name) ?? []).map(formatAlias);
  const isPassedOnToUs = (range: string) => told?.some((entry) => entry.range === range) === true;
  const failures = choice.failures.map(({ original, error }) => ({ range: formatCidr(original), error }));
  return {
    network: {
      aliases,
      ourAliases,
      ...homeApiOf(own, ourAliases),
      freed: freedNow(restingOf(peer, facts.now), aliases, choice.freed, facts.now),
      ...(told !== undefined && {
        transit: withProblems(told, aliases, [...all.refused, ...failures.map(({ error }) => error)]),
      }),
      ...(theirs.publicKey !== undefined && { publicKey: theirs.publicKey }),
      ...(theirs.nextPublicKey !== undefined && { nextPublicKey: theirs.nextPublicKey }),
      ...(theirs.acceptedKey !== undefined && { acceptedKey: theirs.acceptedKey }),
      ...(theirs.endpoints !== undefined && { endpoints: theirs.endpoints }),
      ...(theirs.gatewayAddress !== undefined && { gatewayAddress: theirs.gatewayAddress }),
      ...(theirs.mtuBytes !== undefined && { mtuBytes: theirs.mtuBytes }),
    },
    ours: announcementOf(own, peer, aliases, passedOn),
    // What a third cluster lacks is said in `transit`: the peer itself is reached all the same.
    ...conditionOf([...refused, ...failures.filter(({ range }) => !isPassedOnToUs(range)).map(({ error }) => error)]),
  };
}

/** Each with the reason where it has no alias here. */
function withProblems(
  told: readonly TransitRange[],
  aliases: readonly AliasRecord[],
  problems: readonly IpamError[],
): NonNullable<PeerNetwork['transit']> {
  const placed = new Set(aliases.map(({ original }) => original));
  return told.map((entry) => {
    if (placed.has(entry.range)) return entry;
    const found = problems.find(({ message }) => message.includes(entry.range));
    return { ...entry, problem: found?.message ?? `the peer announces more ranges than the ${MAX_RANGES} that it may` };
  });
}

function conditionOf(problems: readonly IpamError[]): Pick<LinkDecision, 'condition'> {
  const [first] = problems;
  if (first === undefined) return {};
  const message = problems.map((problem) => problem.message).join('; ');
  return { condition: { type: 'NetworkReady', status: 'False', reason: first.code, message } };
}

/** Ranges of ours that a peer may reach. Service ranges stay ours alone: what is offered there is published otherwise. */
function announcedRanges({ spec }: ClusterNetwork): string[] {
  return [...spec.podRanges, spec.anchorRange];
}

function rangesOfOurs({ spec }: ClusterNetwork): string[] {
  const { podRanges, serviceRanges = [], nodeRanges = [], reservedRanges = [], anchorRange } = spec;
  return [...podRanges, ...serviceRanges, ...nodeRanges, ...reservedRanges, anchorRange];
}

function announcementOf(
  own: ClusterNetwork,
  peer: Peer,
  aliases: readonly RangeAlias[],
  transit: TransitRange[] | undefined,
): Announcement {
  const { publicKey, nextPublicKey, endpoints } = own.status ?? {};
  const { acceptedKey, ownMtuBytes: mtuBytes } = peer.status?.tunnel ?? {};
  const anchors = readCidr(own.spec.anchorRange);
  return {
    ...(anchors !== undefined && { gatewayAddress: gatewayAnchor(anchors) }),
    ...(publicKey !== undefined && { publicKey }),
    ...(nextPublicKey !== undefined && { nextPublicKey }),
    ...(acceptedKey !== undefined && { acceptedKey }),
    ...(endpoints !== undefined && { endpoints }),
    ...(mtuBytes !== undefined && { mtuBytes }),
    ranges: announcedRanges(own),
    aliases: [...aliases],
    ...(transit !== undefined && { transit }),
  };
}

/** How the peer's pods see the API of this cluster: nothing while it told no alias for our anchors. */
function homeApiOf({ spec }: ClusterNetwork, ourAliases: readonly AliasRecord[]): Pick<PeerNetwork, 'homeApiAddress'> {
  const anchors = readCidr(spec.anchorRange);
  const homeApiAddress = anchors && translateAddress(homeApiAnchor(anchors), readAliases(ourAliases));
  return homeApiAddress === undefined ? {} : { homeApiAddress };
}

function aliasesOf(peers: readonly Peer[]): string[] {
  return peers.flatMap((peer) => (peer.status?.network?.aliases ?? []).map(({ alias }) => alias));
}

/** What the peer says of our ranges becomes a translation here: pairs of equal size only, and of ranges that we told it. */
function usableAliases(records: readonly AliasRecord[] = [], ours: readonly string[]): AliasRecord[] {
  return readAliases(records)
    .map(formatAlias)
    .filter(({ original, alias }) => ours.includes(original) && checkAnnouncedRanges([alias]).refused.length === 0);
}

type Freed = NonNullable<PeerNetwork['freed']>;

function restingOf({ status }: Peer, now: Date): Freed {
  return (status?.network?.freed ?? []).filter(({ at }) => now.getTime() - Date.parse(at) < REST_MS);
}

function ownedBy(peer: string, records: readonly AliasRecord[] = []): OwnedAlias[] {
  return readAliases(records).map((alias) => ({ ...alias, peer }));
}

/** Ranges of our own were checked before (`problemOf`), and what a hand spoilt in a status holds nothing. */
function read(ranges: readonly string[]): Cidr[] {
  return ranges.flatMap((text) => readCidr(text) ?? []);
}

/** Those that rest still and were not given back to their range, and those that rest from now on; the latest, as many as a status may hold. */
function freedNow(resting: Freed, aliases: readonly AliasRecord[], freed: readonly OwnedAlias[], now: Date): Freed {
  const at = `${now.toISOString().slice(0, 19)}Z`;
  const rest = resting.filter(({ alias }) => !aliases.some((entry) => entry.alias === alias));
  return [...rest, ...freed.map((entry) => ({ ...formatAlias(entry), at }))].slice(-MAX_RANGES);
}
