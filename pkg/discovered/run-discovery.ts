import type { ClusterNetwork, Discovery, DiscoveredCluster, Peer } from '#pkg/api';
import { type DiscoveryMetrics, type DnsResolver, dnsSource } from '#pkg/discovery';
import { type EndpointSlice, type Informer, type KubeClient, type Node, withoutHeartbeats } from '#pkg/kube';
import { type Clock, levelLoop, type Log, TaskGroup } from '#pkg/runtime';
import { discoveryKeeper } from './keep-discovery.ts';
import { keepStates } from './keep-states.ts';
import type { JudgeFacts, KnownKey } from './judge.ts';
import { ownPlaces } from './refusal.ts';

export interface RunDiscoveryOptions {
  readonly client: KubeClient;
  readonly informers: {
    readonly discoveries: Informer<Discovery>;
    readonly discovered: Informer<DiscoveredCluster>;
    readonly peers: Informer<Peer>;
    readonly networks: Informer<ClusterNetwork>;
    readonly nodes: Informer<Node>;
    /** Those of Service default/kubernetes. */
    readonly apiSlices: Informer<EndpointSlice>;
  };
  readonly ownFingerprint: string;
  /** `host:port` under which we are reached; changes with nodes and balancers. */
  readonly publishedAddresses: () => readonly string[];
  readonly domains: readonly string[];
  /** A resolver of its own for each domain. */
  readonly resolver: () => DnsResolver;
  readonly periodMs: number;
  readonly isMdnsOn: boolean;
  readonly metrics?: DiscoveryMetrics;
  readonly clock: Clock;
  readonly log: Log;
}

/** What ages is looked at this often. */
const EVERY_MS = 10_000;
/** A link is asked anew before a record of 120 s ends; twice that without a sign, and its agent is gone. */
const MDNS_STALE_MS = 240_000;
/** Two looks that were missed, and the jitter of the third. */
const DNS_STALE_PERIODS = 2.5;
/** Looks after which the source of a new leader knows what is gone. */
const SETTLE_PERIODS = 4;

/** Finds clusters over DNS and judges those that agents find, until `signal` aborts. Run by the leader. */
export async function runDiscovery(options: RunDiscoveryOptions, signal: AbortSignal): Promise<void> {
  const { client, informers, ownFingerprint, domains, resolver, periodMs, isMdnsOn, metrics, clock, log } = options;
  const { discoveries, discovered, peers, networks, nodes, apiSlices } = informers;
  const observer = metrics?.observer('DNS');
  const common = { seed: ownFingerprint, periodMs, clock, log, ...(observer !== undefined && { observer }) };
  const sources = domains.map((domain) => ({ domain, source: dnsSource({ ...common, domain, resolver: resolver() }) }));
  const keep = discoveryKeeper({
    client,
    discoveries,
    objects: discovered,
    sources,
    isMdnsOn,
    settleMs: SETTLE_PERIODS * periodMs,
    clock,
  });
  const discovery = levelLoop({
    name: 'discovery',
    work: async (inner) => {
      if (await keep(inner)) discovery.poke();
    },
    everyMs: EVERY_MS,
    clock,
    log,
  });
  const facts = () => factsOf(options);
  const states = levelLoop({
    name: 'states of discovered clusters',
    work: (inner) => keepStates({ client, objects: discovered, facts, isMdnsOn, clock }, inner),
    everyMs: EVERY_MS,
    clock,
    log,
  });
  await using group = new TaskGroup(signal);
  using stack = new DisposableStack();
  for (const { source } of sources) {
    stack.use(source.on(() => discovery.poke()));
    if (metrics !== undefined) stack.use(metrics.follow(source));
    group.start(source.name, (inner) => source.run(inner));
  }
  stack.use(discoveries.on(() => discovery.poke()));
  for (const informer of [discovered, peers, networks, withoutHeartbeats(nodes), apiSlices] as const) {
    stack.use((informer as Pick<Informer<DiscoveredCluster>, 'on'>).on(() => states.poke()));
  }
  group.start('discovery', (inner) => discovery.run(inner));
  group.start('states of discovered clusters', (inner) => states.run(inner));
  await group.settled;
}

function factsOf({
  informers,
  ownFingerprint,
  publishedAddresses,
  periodMs,
}: RunDiscoveryOptions): Omit<JudgeFacts, 'now'> {
  const { peers, networks, nodes, apiSlices } = informers;
  const network = networks.list()[0]?.spec;
  const real = nodes.list().filter(({ metadata }) => metadata.labels?.['type'] !== 'virtual-kubelet');
  const own = ownPlaces({
    podRanges: network?.podRanges,
    serviceRanges: network?.serviceRanges,
    anchorRange: network?.anchorRange,
    nodeAddresses: real.flatMap(({ status }) => (status?.addresses ?? []).map(({ address }) => address)),
    apiServers: apiSlices.list().flatMap((slice) => (slice.endpoints ?? []).flatMap(({ addresses }) => addresses)),
    publishedAddresses: publishedAddresses(),
  });
  return {
    ownFingerprint,
    known: peers.list().flatMap(knownKey),
    own,
    staleAfterMs: { DNS: DNS_STALE_PERIODS * periodMs, MDNS: MDNS_STALE_MS },
  };
}

function knownKey({ metadata, spec, status }: Peer): KnownKey[] {
  const fingerprint = status?.fingerprint ?? spec.fingerprint;
  if (fingerprint === undefined) return [];
  return [{ peer: metadata.name, clusterName: status?.clusterName ?? metadata.name, fingerprint }];
}
