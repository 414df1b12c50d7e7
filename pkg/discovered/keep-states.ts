import { DISCOVERED_CLUSTER, type DiscoveredCluster, typeMeta } from '#pkg/api';
import { type Informer, type KubeClient, KubeError } from '#pkg/kube';
import { type Clock, mapLimit } from '#pkg/runtime';
import { isDeepStrictEqual } from 'node:util';
import { judge, type JudgeFacts, type Verdict } from './judge.ts';
import { remove } from './mirror.ts';

export interface StateDeps {
  readonly client: KubeClient;
  readonly objects: Pick<Informer<DiscoveredCluster>, 'list'>;
  readonly facts: () => Omit<JudgeFacts, 'now'>;
  /** Whether agents look for clusters on their links; where not, what they left is removed. */
  readonly isMdnsOn: boolean;
  readonly clock: Clock;
}

const FIELD_MANAGER = 'tombolo-discovery-state';

/** An agent that died cannot take back what it saw: gone after this long without a sign. DNS records age in their source. */
const MDNS_GONE_MS = 10 * 60_000;
/** Status writes at one time: a flood of records must not be a flood of requests. */
const AT_ONCE = 4;

/** Writes state, message and usable addresses of each discovered cluster, where they changed; removes what agents left behind. */
export async function keepStates(
  { client, objects, facts, isMdnsOn, clock }: StateDeps,
  signal: AbortSignal,
): Promise<void> {
  const now = clock.wall();
  const all = objects.list();
  const isLeft = ({ spec, status }: DiscoveredCluster) =>
    spec.source === 'MDNS' &&
    (!isMdnsOn || (status?.lastSeen !== undefined && now.getTime() - Date.parse(status.lastSeen) > MDNS_GONE_MS));
  const [left, kept] = [all.filter(isLeft), all.filter((object) => !isLeft(object))];
  await mapLimit(left, AT_ONCE, (object) => remove(client, object, signal));
  const verdicts = judge(kept, { ...facts(), now });
  await mapLimit(kept, AT_ONCE, async (object) => {
    const verdict = verdicts.get(object.metadata.name);
    if (verdict !== undefined) await write(client, object, verdict, now, signal);
  });
}

async function write(
  client: KubeClient,
  { metadata: { name, uid }, status: standing }: DiscoveredCluster,
  verdict: Verdict,
  now: Date,
  signal: AbortSignal,
): Promise<void> {
  const firstSeen = standing?.firstSeen ?? `${now.toISOString().slice(0, 19)}Z`;
  const status = { ...verdict, firstSeen };
  if (isDeepStrictEqual({ ...standing, ...status }, standing)) return;
  const metadata = { name, ...(uid !== undefined && { uid }) };
  const options = { fieldManager: FIELD_MANAGER, force: true, subresource: 'status', signal };
  try {
    await client.apply<DiscoveredCluster>(
      DISCOVERED_CLUSTER,
      { ...typeMeta(DISCOVERED_CLUSTER), metadata, status },
      options,
    );
  } catch (error) {
    // It vanished meanwhile, or was made anew.
    if (!(error instanceof KubeError && (error.isNotFound || error.isConflict))) throw error;
  }
}
