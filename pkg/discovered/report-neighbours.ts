import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { DISCOVERY, type Discovery, type DiscoveredCluster, type DiscoverySourceState, NAME, typeMeta } from '#pkg/api';
import type { DiscoverySource } from '#pkg/discovery';
import { type Informer, type KubeClient, KubeError } from '#pkg/kube';
import { type Clock, levelLoop, type Log, TaskGroup } from '#pkg/runtime';
import { mirror } from './mirror.ts';

export interface ReportOptions {
  readonly client: KubeClient;
  readonly informers: {
    readonly discovered: Informer<DiscoveredCluster>;
    readonly discoveries: Informer<Discovery>;
  };
  readonly source: DiscoverySource;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number;
}

const FIELD_MANAGER = 'tombolo-discovery-mdns';

/** Of all agents together; a LAN with more clusters than that is a flood. */
const MAX_OBJECTS = 64;
/** Objects written in one run; runs are at least `SETTLE_MS` apart. A neighbour is to be listed within 3 s of its first word. */
const MAX_WRITES = 5;
const SETTLE_MS = 750;
const EVERY_MS = 20_000;
/** Agents of many nodes hear the same at the same moment: the first one writes, and the others see that it is written. */
const SPREAD_MS = 500;

/** Makes the objects of mDNS equal to what this node hears, until `signal` aborts. Other nodes do the same with theirs. */
export async function reportNeighbours(options: ReportOptions, signal: AbortSignal): Promise<void> {
  const { client, informers, source, clock, log, random = Math.random } = options;
  const { discovered, discoveries } = informers;
  /** Objects that stood for a sighting of ours. What other nodes hear is theirs to take away. */
  let ours = new Set<string>();
  let lookedFor: number | undefined;
  const report = levelLoop({
    name: 'neighbours',
    settleMs: SETTLE_MS,
    everyMs: EVERY_MS,
    clock,
    log,
    async work(inner) {
      await clock.sleep(SPREAD_MS * random(), inner);
      const isMine = ({ metadata }: DiscoveredCluster) => ours.has(metadata.name);
      const limits = { maxObjects: MAX_OBJECTS, maxWrites: MAX_WRITES };
      const mirrored = await mirror(
        source.sightings(),
        { client, objects: discovered, fieldManager: FIELD_MANAGER, isMine, ...limits },
        inner,
      );
      const standing = [...ours].filter((name) => discovered.get(name) !== undefined);
      ours = new Set([...standing, ...mirrored.names]);
      await writeState(client, discoveries.get(NAME.discovery), source, inner);
      if (!mirrored.isWhole) report.poke();
    },
  });
  await using group = new TaskGroup(signal);
  using _source = source.on(() => report.poke());
  // An object that another node took away although we hear it is made again.
  using _objects = discovered.on((_, current) => current === undefined && report.poke());
  using _asked = discoveries.on((_, current) => {
    const generation = current?.metadata.generation;
    if (generation === undefined || generation === lookedFor) return;
    lookedFor = generation;
    group.start(`look ${generation}`, (inner) => source.lookNow(inner));
  });
  group.start(source.name, (inner) => source.run(inner));
  group.start('neighbours', (inner) => report.run(inner));
  await group.settled;
}

/** Says in the Discovery what is wrong on this node; a node where nothing is says nothing, so that a thousand fit. */
async function writeState(
  client: KubeClient,
  standing: Discovery | undefined,
  { name, state }: DiscoverySource,
  signal: AbortSignal,
): Promise<void> {
  if (standing === undefined) return; // the controller makes it
  const { healthy, message, lookedUpAt } = state();
  const entry: DiscoverySourceState = {
    name,
    source: 'MDNS',
    healthy,
    ...(message !== undefined && { message }),
    ...(lookedUpAt !== undefined && { lookedUpAt: `${lookedUpAt.toISOString().slice(0, 19)}Z` }),
  };
  const wanted = healthy ? [] : [entry];
  const before = (standing.status?.sources ?? []).filter((source) => source.name === name);
  if (isDeepStrictEqual(before, wanted)) return;
  // A manager of its own for each node: entries of a map list belong to whoever applied them. Names of managers are short.
  const fieldManager = `tombolo-mdns-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
  const body = { ...typeMeta(DISCOVERY), metadata: { name: NAME.discovery }, status: { sources: wanted } };
  try {
    await client.apply<Discovery>(DISCOVERY, body, { fieldManager, force: true, subresource: 'status', signal });
  } catch (error) {
    if (!(error instanceof KubeError && error.isNotFound)) throw error;
  }
}
