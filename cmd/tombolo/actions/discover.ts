import {
  DISCOVERED_CLUSTER,
  type DiscoveredCluster,
  DISCOVERY,
  type Discovery,
  NAME,
  shortFingerprint,
  typeMeta,
} from '#pkg/api';
import type { Cluster } from '#pkg/kube';
import { formatDuration } from '../duration.ts';
import type { Result } from '../output/format.ts';
import { table } from '../output/table.ts';
import { pause, type Session } from '../session.ts';
import { requireInstalled } from './installed.ts';
import { serverTime } from './server-time.ts';

export interface DiscoverOptions {
  readonly all: boolean;
}

/** PEER-08 gives 5 s: a resolver that is silent is known after 3 s, and the rest is for start and lists. */
const ANSWER_MS = 3_800;
/** Neighbours answer within 0.12 s (RFC 6762 section 6), agents write what they heard within a second. */
const NEIGHBOURS_MS = 1_500;
/** What was just found gets its state at once; this is for a controller that is busy. */
const STATE_MS = 1_000;
const POLL_MS = 150;
/** A node that says something is wrong repeats it each minute; older words are of a node that is gone. */
const SOURCE_FRESH_MS = 5 * 60_000;

/**
 * Makes the sources look now, by a new generation of the Discovery, and lists what they found. Exit code 4 where a source
 * has trouble.
 */
export async function discover(session: Session, options: DiscoverOptions): Promise<Result> {
  const { signal, progress } = session;
  const cluster = await session.home();
  await requireInstalled(cluster, signal);
  progress.step('looking for other clusters');
  const asked = await look(cluster, session);
  const [objects, now] = await Promise.all([judged(cluster, session), serverTime(cluster, signal)]);
  const sources = sourcesOf(asked.discovery, now);
  const problems = [
    ...(asked.isAnswered ? [] : ['the controller has not looked yet: what is listed may be old; see `tombolo status`']),
    ...sources.filter(({ healthy }) => !healthy).map(({ name, message }) => `${name}: ${message ?? 'not healthy'}`),
  ];
  const views = objects
    .filter(({ status }) => options.all || status?.state !== 'Own')
    .map(viewOf)
    .toSorted((a, b) => a.name.localeCompare(b.name) || a.object.localeCompare(b.object));
  return {
    value: { clusters: views, sources, problems },
    text: textOf(views, sources, problems, now),
    exitCode: problems.length === 0 ? 0 : 4,
  };
}

async function look(cluster: Cluster, session: Session): Promise<{ discovery: Discovery; isAnswered: boolean }> {
  const { client } = cluster;
  const { signal } = session;
  const began = performance.now();
  const wish = {
    ...typeMeta(DISCOVERY),
    metadata: { name: NAME.discovery },
    spec: { requestedAt: new Date().toISOString() },
  };
  let discovery = await client.apply<Discovery>(DISCOVERY, wish, { fieldManager: 'tombolo-cli', force: true, signal });
  const wanted = discovery.metadata.generation ?? 0;
  const isAnswered = () => (discovery.status?.observedGeneration ?? -1) >= wanted;
  while (!isAnswered() && performance.now() - began < ANSWER_MS) {
    await pause(session, POLL_MS);
    discovery = await client.get<Discovery>(DISCOVERY, { name: NAME.discovery }, { signal });
  }
  const listens = discovery.status?.sources?.some(({ source }) => source === 'MDNS') ?? false;
  if (listens) await pause(session, Math.max(0, NEIGHBOURS_MS - (performance.now() - began)));
  return { discovery, isAnswered: isAnswered() };
}

async function judged(cluster: Cluster, session: Session): Promise<DiscoveredCluster[]> {
  const began = performance.now();
  for (;;) {
    const { items } = await cluster.client.list<DiscoveredCluster>(DISCOVERED_CLUSTER, {}, { signal: session.signal });
    const isDone = items.every(({ status }) => status?.state !== undefined);
    if (isDone || performance.now() - began > STATE_MS) return items;
    await pause(session, POLL_MS);
  }
}

function sourcesOf({ status }: Discovery, now: Date) {
  return (status?.sources ?? []).filter(
    ({ source, name, lookedUpAt }) =>
      source === 'DNS' ||
      name === 'MDNS' ||
      (lookedUpAt !== undefined && now.getTime() - Date.parse(lookedUpAt) < SOURCE_FRESH_MS),
  );
}

function viewOf({ metadata, spec, status }: DiscoveredCluster) {
  return {
    name: spec.clusterName,
    object: metadata.name,
    addresses: status?.addresses ?? [],
    claimedAddresses: spec.addresses,
    fingerprint: spec.fingerprint,
    shortFingerprint: shortFingerprint(spec.fingerprint),
    source: spec.source,
    ...(spec.domain !== undefined && { domain: spec.domain }),
    labels: spec.labels ?? {},
    state: status?.state ?? 'Unknown',
    message: status?.message ?? '',
    ...(status?.firstSeen !== undefined && { firstSeen: status.firstSeen }),
    ...(status?.lastSeen !== undefined && { lastSeen: status.lastSeen }),
  };
}

type View = ReturnType<typeof viewOf>;

function textOf(
  views: readonly View[],
  sources: ReturnType<typeof sourcesOf>,
  problems: readonly string[],
  now: Date,
): string {
  const rows = views.map((view) => [
    view.name,
    addressOf(view),
    view.shortFingerprint,
    view.domain === undefined ? view.source : `${view.source} ${view.domain}`,
    view.state,
    view.lastSeen === undefined ? '' : `${formatDuration(now.getTime() - Date.parse(view.lastSeen))} ago`,
  ]);
  const notes = views
    .filter(({ message }) => message !== '')
    .map(({ name, shortFingerprint: key, message }) => `${name} (${key}): ${message}`);
  const empty =
    sources.length === 0
      ? 'No source is set up: set the chart values discovery.dns.domains or discovery.mdns.enabled.'
      : 'No other cluster was found.';
  const head =
    views.length === 0
      ? [empty]
      : [table(['name', 'address', 'fingerprint', 'source', 'state', 'last seen'], rows).trimEnd()];
  return [...head, ...(notes.length > 0 ? ['', ...notes] : []), ...(problems.length > 0 ? ['', ...problems] : [])].join(
    '\n',
  );
}

/** The address that would be dialled first; where none may be, the first that is claimed. */
function addressOf({ addresses, claimedAddresses }: View): string {
  const shown = addresses.length > 0 ? addresses : claimedAddresses;
  return shown.length > 1 ? `${shown[0]} +${shown.length - 1}` : (shown[0] ?? '');
}
