import { type DiscoveredCluster, type DiscoveredClusterStatus, shortFingerprint } from '#pkg/api';
import { addressRefusal, type OwnPlaces } from './refusal.ts';

/** A cluster that we are peered with, or about to be. */
export interface KnownKey {
  readonly peer: string;
  /** What it calls itself. */
  readonly clusterName: string;
  readonly fingerprint: string;
}

export interface JudgeFacts {
  readonly ownFingerprint: string;
  readonly known: readonly KnownKey[];
  readonly own: OwnPlaces;
  readonly now: Date;
  /** Not heard of for longer than that: stale. */
  readonly staleAfterMs: Readonly<Record<DiscoveredCluster['spec']['source'], number>>;
}

export type Verdict = Required<Pick<DiscoveredClusterStatus, 'state' | 'message' | 'addresses'>>;

/** As many refusals as a sentence can hold. */
const MOST_REASONS = 3;

/**
 * The state of every discovered cluster, by the name of its object. Pure. Only `addresses` of a verdict may ever be
 * dialled, and only because a person or a rule says so.
 */
export function judge(objects: readonly DiscoveredCluster[], facts: JudgeFacts): Map<string, Verdict> {
  const live = objects.filter((object) => !isStale(object, facts) && object.spec.fingerprint !== facts.ownFingerprint);
  return new Map(objects.map((object) => [object.metadata.name, judgeOne(object, live, facts)]));
}

function judgeOne(object: DiscoveredCluster, live: readonly DiscoveredCluster[], facts: JudgeFacts): Verdict {
  const { spec, status } = object;
  if (spec.fingerprint === facts.ownFingerprint) return { state: 'Own', message: 'this cluster itself', addresses: [] };
  const refusals = spec.addresses.map((address) => addressRefusal(address, facts.own));
  const addresses = spec.addresses.filter((_, index) => refusals[index] === undefined);
  const reasons = [
    ...refusals.filter((why) => why !== undefined),
    ...(spec.problem === undefined ? [] : [spec.problem]),
  ];
  const why = reasons.slice(0, MOST_REASONS).join('; ').slice(0, 768);
  if (isStale(object, facts)) {
    return { state: 'Stale', message: `not seen since ${status?.lastSeen ?? 'it was found'}`, addresses };
  }
  const rival = rivalOf(object, live, facts);
  if (rival !== undefined) return { state: 'Conflict', message: rival, addresses };
  if (addresses.length > 0) return { state: 'Available', message: why, addresses };
  return { state: 'Refused', message: why === '' ? 'the record has no address' : `never dialled: ${why}`, addresses };
}

function isStale({ spec, status }: DiscoveredCluster, { now, staleAfterMs }: JudgeFacts): boolean {
  // Just made: whoever made it is about to say when it was seen.
  if (status?.lastSeen === undefined) return false;
  return now.getTime() - Date.parse(status.lastSeen) > staleAfterMs[spec.source];
}

/** The sentence that says who else has this name; `undefined` where nobody has, or where this is the one that we know. */
function rivalOf(
  { spec }: DiscoveredCluster,
  live: readonly DiscoveredCluster[],
  { known }: JudgeFacts,
): string | undefined {
  const namesake = known.find(({ clusterName }) => clusterName === spec.clusterName);
  if (known.some(({ fingerprint }) => fingerprint === spec.fingerprint)) return undefined;
  if (namesake !== undefined) {
    return `peer ${namesake.peer} calls itself ${spec.clusterName} too and has another key, ${shortFingerprint(namesake.fingerprint)}`;
  }
  const others = live.filter(
    (other) => other.spec.clusterName === spec.clusterName && other.spec.fingerprint !== spec.fingerprint,
  );
  const keys = [...new Set(others.map((other) => shortFingerprint(other.spec.fingerprint)))].toSorted();
  if (keys.length === 0) return undefined;
  const listed = keys.slice(0, MOST_REASONS).join(', ');
  return `another key claims the name ${spec.clusterName} too: ${listed}; compare fingerprints with whoever runs it`;
}
