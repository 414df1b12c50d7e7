import { isDeepStrictEqual } from 'node:util';
import {
  DISCOVERED_CLUSTER,
  type DiscoveredCluster,
  type DiscoveredClusterSpec,
  discoveredClusterName,
  typeMeta,
} from '#pkg/api';
import type { Sighting } from '#pkg/discovery';
import { type Informer, type KubeClient, KubeError } from '#pkg/kube';

export interface MirrorOptions {
  readonly client: KubeClient;
  readonly objects: Pick<Informer<DiscoveredCluster>, 'get' | 'list'>;
  readonly fieldManager: string;
  /** Whether an object that is not seen (any more) is to be removed. */
  readonly isMine: (object: DiscoveredCluster) => boolean;
  /** No more than so many objects of that source, whoever made them; what several made at once beyond it is taken back. */
  readonly maxObjects: number;
  /** No more than so many writes; the rest is for the next call. */
  readonly maxWrites: number;
}

/** `lastSeen` is written anew when it has moved by this much: often enough to be read, seldom enough to be cheap. */
const SEEN_STEP_MS = 20_000;

/** `names`: objects that stand for a sighting now. `isWhole`: nothing was left for the next call. */
export interface Mirrored {
  readonly names: readonly string[];
  readonly isWhole: boolean;
}

/** Makes the objects that are ours equal to the sightings. Idempotent; no write where nothing changed. */
export async function mirror(
  sightings: readonly Sighting[],
  options: MirrorOptions,
  signal: AbortSignal,
): Promise<Mirrored> {
  const { objects, maxObjects, maxWrites } = options;
  const budget = { writes: maxWrites, room: new Map<string, number>() };
  const room = (source: string) =>
    budget.room.get(source) ?? maxObjects - objects.list().filter(({ spec }) => spec.source === source).length;
  const wanted = new Map(sightings.map((sighting) => [discoveredClusterName(sighting), sighting]));
  const names: string[] = [];
  const excess = excessOf(objects.list(), maxObjects);
  const isWanted = ({ metadata: { name } }: DiscoveredCluster) => wanted.has(name) && !excess.has(name);
  const gone = objects.list().filter((object) => !isWanted(object) && options.isMine(object));
  for (const object of gone) {
    if (budget.writes-- <= 0) return { names, isWhole: false };
    await remove(options.client, object, signal);
  }
  for (const [name, sighting] of wanted) {
    if (excess.has(name)) continue;
    const standing = objects.get(name);
    if (standing === undefined) {
      const left = room(sighting.source);
      if (left <= 0) continue;
      budget.room.set(sighting.source, left - 1);
    }
    names.push(name);
    if (isMirrored(standing, sighting)) continue;
    if (budget.writes-- <= 0) return { names, isWhole: false };
    await write(name, sighting, standing, options, signal);
  }
  return { names, isWhole: true };
}

/** Names of objects beyond the limit of their source, the youngest: nodes that wrote at the same moment took the same last place. */
function excessOf(objects: readonly DiscoveredCluster[], maxObjects: number): Set<string> {
  const bySource = Object.values(Object.groupBy(objects, ({ spec }) => spec.source));
  const age = ({ metadata }: DiscoveredCluster) => `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
  return new Set(
    bySource.flatMap((group) =>
      group
        .toSorted((a, b) => (age(a) < age(b) ? -1 : 1))
        .slice(maxObjects)
        .map(({ metadata }) => metadata.name),
    ),
  );
}

function isMirrored(standing: DiscoveredCluster | undefined, sighting: Sighting): boolean {
  return standing !== undefined && isDeepStrictEqual(standing.spec, specOf(sighting)) && !isOlder(standing, sighting);
}

function isOlder({ status }: DiscoveredCluster, { lastSeen }: Sighting): boolean {
  return status?.lastSeen === undefined || lastSeen.getTime() - Date.parse(status.lastSeen) >= SEEN_STEP_MS;
}

async function write(
  name: string,
  sighting: Sighting,
  standing: DiscoveredCluster | undefined,
  { client, fieldManager }: MirrorOptions,
  signal: AbortSignal,
): Promise<void> {
  const base = { ...typeMeta(DISCOVERED_CLUSTER), metadata: { name } };
  const options = { fieldManager, force: true, signal };
  const spec = specOf(sighting);
  if (standing === undefined || !isDeepStrictEqual(standing.spec, spec)) {
    await client.apply<DiscoveredCluster>(DISCOVERED_CLUSTER, { ...base, spec }, options);
  }
  if (standing !== undefined && !isOlder(standing, sighting)) return;
  const status = { lastSeen: `${sighting.lastSeen.toISOString().slice(0, 19)}Z` };
  await client.apply<DiscoveredCluster>(DISCOVERED_CLUSTER, { ...base, status }, { ...options, subresource: 'status' });
}

function specOf({
  clusterName,
  fingerprint,
  source,
  domain,
  addresses,
  labels,
  problem,
}: Sighting): DiscoveredClusterSpec {
  return {
    clusterName,
    fingerprint,
    source,
    ...(domain !== undefined && { domain }),
    addresses: [...addresses],
    ...(Object.keys(labels).length > 0 && { labels: { ...labels } }),
    ...(problem !== undefined && { problem }),
  };
}

/** Deletes exactly the object that was read; another writer's later state stays. */
export async function remove(client: KubeClient, { metadata }: DiscoveredCluster, signal: AbortSignal): Promise<void> {
  const preconditions = { uid: metadata.uid, resourceVersion: metadata.resourceVersion };
  try {
    await client.delete(DISCOVERED_CLUSTER, { name: metadata.name }, { ...preconditions, signal });
  } catch (error) {
    // Gone already, or seen again by another node meanwhile: the next look decides anew.
    if (!(error instanceof KubeError && (error.isNotFound || error.isConflict))) throw error;
  }
}
