import type { ReflectionPolicy } from '#pkg/api';
import type { Cluster, EventRecorder } from '#pkg/kube';
import { type Log, TaskGroup } from '#pkg/runtime';
import { type HomeKind, type HomeObjects, homeObjects } from './home-objects.ts';
import { noReflectionMetrics, type ReflectionMetrics } from './metrics.ts';
import { runKind } from './run-kind.ts';
import type { Reflector } from './reflector.ts';
import type { TwinTable } from './twin-table.ts';

export interface ReflectionDeps {
  readonly home: Cluster;
  /** Structurally a `PeerCluster` of `#pkg/peering`. */
  readonly remote: { readonly peer: string; readonly origin: string; readonly cluster: Cluster };
  /** Complete before the call. */
  readonly twins: TwinTable;
  readonly reflectors: readonly Reflector[];
  /** Read before each decision. Structurally an informer; must be synced before the call. */
  readonly policies: { list(): readonly ReflectionPolicy[]; on(handler: () => void): Disposable };
  readonly events: Pick<EventRecorder, 'event'>;
  readonly log: Log;
  readonly metrics?: ReflectionMetrics | undefined;
  /** Shared by all peers, and run by whoever made it. Default: watches of its own. */
  readonly homeObjects?: HomeObjects | undefined;
}

/**
 * Keeps the twin objects at one peer equal to what is at home, for all `reflectors`, until `signal` aborts. Each kind has
 * a queue of its own: one that fails, or a peer that does not answer, delays no other.
 */
export async function runReflectors(deps: ReflectionDeps, signal: AbortSignal): Promise<void> {
  const { home, reflectors, remote } = deps;
  const log = deps.log.child({ peer: remote.peer });
  const metrics = deps.metrics ?? noReflectionMetrics;
  await using group = new TaskGroup(signal);
  const source = deps.homeObjects ?? homeObjects(home, reflectors);
  if (source !== deps.homeObjects) group.start('home objects', (s) => source.run(s));
  for (const reflector of reflectors) {
    const homeKind = source.of(reflector);
    const ownerKind = ownerKindOf(reflector, reflectors, source);
    group.start(reflector.resource.plural, (s) =>
      runKind({ ...deps, log, metrics, reflector, homeKind, ownerKind }, s),
    );
  }
  await group.settled;
  metrics.forget(remote.peer);
}

function ownerKindOf(
  { resource, owner }: Reflector,
  reflectors: readonly Reflector[],
  source: HomeObjects,
): HomeKind | undefined {
  if (owner === undefined) return undefined;
  const found = reflectors.find((reflector) => reflector.resource === owner.resource);
  if (found === undefined)
    throw new TypeError(`${resource.kind} follows ${owner.resource.kind}, which is not reflected`);
  return source.of(found);
}
