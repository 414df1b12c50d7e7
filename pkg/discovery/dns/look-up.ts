import { mapLimit } from '#pkg/runtime';
import { type Claim, readClaim } from '../claim.ts';
import { type DiscoveryObserver, unobserved } from '../metrics.ts';
import { hostPort, MAX_ADDRESSES, type Sighting, someOf } from '../source.ts';
import { inOrder } from './order.ts';
import type { DnsResolver, SrvRecord } from './resolver.ts';

/** Clusters of one domain, and targets that are resolved for them: an answer over TCP may have some 2,000 of each. */
const MAX_CLUSTERS = 32;
const MAX_TARGETS = 32;
const MAX_ADDRESSES_PER_TARGET = 4;
/** Of the questions that go to the resolver at one time. */
const AT_ONCE = 8;

export interface DomainAnswer {
  /** Without `lastSeen`, which is the caller's clock. */
  readonly found: readonly Omit<Sighting, 'lastSeen'>[];
  /** What of the answer could not be used at all, in a sentence. */
  readonly message?: string;
}

interface Target extends SrvRecord {
  readonly addresses: readonly string[];
  readonly problem?: string;
}

/**
 * Asks for SRV and TXT of `_tombolo._tcp.<domain>` and for the addresses of the targets. Each TXT record is one cluster;
 * `host=` in it names its targets, otherwise all targets are of the one cluster there is.
 * @param seed for the order of targets of one priority; this cluster's own fingerprint
 * @param observer told of TXT records that were heard, and of those that were not used
 * @throws what the resolver throws where it gives no answer to SRV or TXT; a target that does not resolve is a `problem`
 */
export async function lookUpDomain(
  domain: string,
  resolver: DnsResolver,
  seed: string,
  observer: DiscoveryObserver = unobserved,
): Promise<DomainAnswer> {
  const name = `_tombolo._tcp.${domain}`;
  const [services, texts] = await Promise.all([resolver.srv(name), resolver.txt(name)]);
  observer.heard(texts.length);
  const records = services.filter(({ target }) => target !== '');
  if (records.length === 0) return { found: [], message: `${name} has no SRV record` };
  if (texts.length === 0) return { found: [], message: `${name} has no TXT record, which names key and cluster` };
  const read = texts.slice(0, MAX_CLUSTERS).map(readClaim);
  const claims = read.filter((claim) => 'clusterName' in claim);
  observer.dropped('claim', read.length - claims.length);
  observer.dropped('full', texts.length - read.length);
  const wrong = read.filter((claim) => 'why' in claim).map(({ why }) => `a cluster of ${name} is left out: ${why}`);
  if (texts.length > MAX_CLUSTERS)
    wrong.push(`${name} has ${texts.length} TXT records, of which ${MAX_CLUSTERS} are read`);
  const ordered = inOrder(records, seed).map((record) => ({ ...record, target: record.target.toLowerCase() }));
  if (ordered.length > MAX_TARGETS)
    wrong.push(`${name} has ${ordered.length} SRV records, of which ${MAX_TARGETS} are read`);
  const targets = await mapLimit(ordered.slice(0, MAX_TARGETS), AT_ONCE, (record) => resolve(record, resolver));
  const isAlone = claims.length === 1;
  const found = unique(claims).map((claim) => sighting(claim, domain, targets, isAlone));
  const message = someOf(wrong);
  return { found, ...(message !== undefined && { message }) };
}

async function resolve(record: SrvRecord, resolver: DnsResolver): Promise<Target> {
  const { target, port } = record;
  if (port === 0) return { ...record, addresses: [], problem: `${target} is announced with port 0` };
  try {
    const addresses = await resolver.addresses(target);
    const problem = addresses.length === 0 ? { problem: `${target} has no address` } : {};
    return { ...record, addresses: addresses.slice(0, MAX_ADDRESSES_PER_TARGET), ...problem };
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'no answer';
    return { ...record, addresses: [], problem: `${target} does not resolve (${why})` };
  }
}

/** Two TXT records of one cluster are one: the first counts. */
function unique(claims: readonly Claim[]): Claim[] {
  return [
    ...new Map(claims.toReversed().map((claim) => [`${claim.clusterName} ${claim.fingerprint}`, claim])).values(),
  ];
}

function sighting(
  { clusterName, fingerprint, labels, hosts }: Claim,
  domain: string,
  targets: readonly Target[],
  isAlone: boolean,
): Omit<Sighting, 'lastSeen'> {
  const own = hosts.length > 0 ? targets.filter(({ target }) => hosts.includes(target)) : isAlone ? targets : [];
  const addresses = own.flatMap((target) => target.addresses.map((address) => hostPort(address, target.port)));
  const none =
    hosts.length > 0
      ? 'no SRV record has a host that its TXT record names'
      : 'several TXT records, and this one names no host=';
  const problem = own.length === 0 ? none : someOf(own.flatMap(({ problem: words }) => words ?? []));
  return {
    clusterName,
    fingerprint,
    source: 'DNS',
    domain,
    addresses: [...new Set(addresses)].slice(0, MAX_ADDRESSES),
    labels,
    ...(problem !== undefined && { problem }),
  };
}
