import { isDeepStrictEqual } from 'node:util';
import {
  DISCOVERY,
  type Discovery,
  type DiscoverySourceState,
  type DiscoveryStatus,
  type DiscoveredCluster,
  NAME,
  typeMeta,
} from '#pkg/api';
import type { DiscoverySource } from '#pkg/discovery';
import type { Informer, KubeClient } from '#pkg/kube';
import type { Clock } from '#pkg/runtime';
import { mirror } from './mirror.ts';

export interface DnsSourceOfDomain {
  readonly domain: string;
  readonly source: DiscoverySource;
}

export interface DiscoveryDeps {
  readonly client: KubeClient;
  readonly discoveries: Pick<Informer<Discovery>, 'get'>;
  readonly objects: Pick<Informer<DiscoveredCluster>, 'get' | 'list'>;
  /** One per domain, running. */
  readonly sources: readonly DnsSourceOfDomain[];
  readonly isMdnsOn: boolean;
  /** Of a new leader: objects of a domain are left alone before its source has heard of that domain for this long. */
  readonly settleMs: number;
  readonly clock: Clock;
}

const FIELD_MANAGER = 'tombolo-discovery-dns';

/** Four domains that are full. */
const MAX_OBJECTS = 128;
const MAX_WRITES = 64;

/**
 * Looks where a new generation asks for it, makes the objects of DNS equal to what was seen, and says in the Discovery how
 * the sources are. Returns a function that does it once; total and idempotent. `true`: something was left for the next call.
 */
export function discoveryKeeper(deps: DiscoveryDeps): (signal: AbortSignal) => Promise<boolean> {
  const { client, discoveries, objects, sources, isMdnsOn, settleMs, clock } = deps;
  const beganMs = clock.now();
  const isMine = ({ spec }: DiscoveredCluster) => {
    if (spec.source !== 'DNS') return false;
    const source = sources.find(({ domain }) => domain === spec.domain)?.source;
    if (source === undefined) return true; // nobody asks that domain any more
    return source.state().lookedUpAt !== undefined && clock.now() - beganMs > settleMs;
  };
  return async (signal) => {
    const standing = discoveries.get(NAME.discovery);
    const generation = standing?.metadata.generation;
    const isAsked = generation !== standing?.status?.observedGeneration;
    if (isAsked) await Promise.all(sources.map(({ source }) => source.lookNow(signal)));
    signal.throwIfAborted();
    const seen = sources.flatMap(({ source }) => source.sightings());
    const limits = { maxObjects: MAX_OBJECTS, maxWrites: MAX_WRITES };
    const { isWhole } = await mirror(seen, { client, objects, fieldManager: FIELD_MANAGER, isMine, ...limits }, signal);
    await writeStatus(client, standing, [...sources.map(stateOf), ...(isMdnsOn ? [MDNS] : [])], signal);
    return !isWhole;
  };
}

/** That agents look; each of them says itself what is wrong with it. */
const MDNS: DiscoverySourceState = { name: 'MDNS', source: 'MDNS', healthy: true };

function stateOf({ source }: DnsSourceOfDomain): DiscoverySourceState {
  const { healthy, message, lookedUpAt } = source.state();
  return {
    name: source.name,
    source: 'DNS',
    healthy,
    ...(message !== undefined && { message }),
    ...(lookedUpAt !== undefined && { lookedUpAt: `${lookedUpAt.toISOString().slice(0, 19)}Z` }),
  };
}

async function writeStatus(
  client: KubeClient,
  standing: Discovery | undefined,
  states: readonly DiscoverySourceState[],
  signal: AbortSignal,
): Promise<void> {
  const base = { ...typeMeta(DISCOVERY), metadata: { name: NAME.discovery } };
  const options = { fieldManager: FIELD_MANAGER, force: true, signal };
  const stored = standing ?? (await client.apply<Discovery>(DISCOVERY, base, options));
  const ours = new Set(['MDNS', ...states.map(({ name }) => name)]);
  const before = stored.status?.sources?.filter(({ name, source }) => source === 'DNS' || ours.has(name));
  const generation = stored.metadata.generation;
  const isSame = stored.status?.observedGeneration === generation && isDeepStrictEqual(before ?? [], states);
  if (isSame) return;
  // Entries of other managers, the agents, stay: the list is a map by name.
  const status: DiscoveryStatus = {
    sources: [...states],
    ...(generation !== undefined && { observedGeneration: generation }),
  };
  await client.apply<Discovery>(DISCOVERY, { ...base, status }, { ...options, subresource: 'status' });
}
