import { LABEL, NAME, tenantNamespace } from '#pkg/api';
import {
  CONFIG_MAP,
  type ConfigMap,
  type Informer,
  isNotFound,
  type KubeClient,
  KubeError,
  type Namespace,
  POD,
  type Pod,
} from '#pkg/kube';
import { type Clock, done, mapLimit, type Reconciler, requeueAfter } from '#pkg/runtime';
import { isHeld, releaseVerdict } from './release-verdict.ts';
import { withRecords } from './verdict-records.ts';

/** Index of pods: namespace, for those that nothing but the verdict keeps. */
export const HELD_IN = 'heldIn';

export function heldIn(pod: Pod): string[] {
  return isHeld(pod) ? [pod.metadata.namespace ?? ''] : [];
}

export interface VerdictKeeperDeps {
  readonly client: KubeClient;
  /** All pods of this cluster, with the index {@link HELD_IN}; metadata is enough. */
  readonly pods: Pick<Informer<Pod>, 'byIndex'>;
  /** Synced before the first reconcile. */
  readonly namespaces: Pick<Informer<Namespace>, 'get'>;
  readonly clock: Clock;
}

interface Ended {
  readonly ended: readonly Pod[];
  readonly namespaceDeletedAt: string | undefined;
}

/** A consumer that is there reads a verdict within a second or two; one that has not by now is away. */
const HOLD_MS = 20_000;
/** Nothing may hang for longer than a minute (kubernetes-facts 6), so a verdict that cannot be stored is given up before. */
const GIVE_UP_MS = 45_000;
/** What was released goes within a moment; what changed meanwhile is looked at again. */
const RECHECK_MS = 5_000;
const PARALLEL = 8;

/**
 * Remembers how pods of consumers ended that are away, and lets the pods go (POD-23). Key: a namespace. A twin that is being
 * removed waits for nobody: its consumer has lost its rights there. Records lie in the tenant namespace, so that they outlive the twin.
 */
export function verdictKeeper(deps: VerdictKeeperDeps): Reconciler {
  const { client, pods, namespaces, clock } = deps;
  /** Since when each pod is held, by namespace and UID; holds only pods that are held now. A new leader waits once more. */
  const heldSince = new Map<string, Map<string, number>>();

  function noteHeld(namespace: string, held: readonly Pod[]): Map<string, number> {
    const before = heldSince.get(namespace);
    const since = new Map(held.map(({ metadata: { uid = '' } }) => [uid, before?.get(uid) ?? clock.now()]));
    if (since.size === 0) heldSince.delete(namespace);
    else heldSince.set(namespace, since);
    return since;
  }

  /** As they are now, whole; those that went on meanwhile are left out. */
  async function readAgain(held: readonly Pod[], signal: AbortSignal): Promise<Pod[]> {
    const read = await mapLimit(held, PARALLEL, async ({ metadata: { name, namespace = '', uid } }) => {
      const pod = await client.get<Pod>(POD, { namespace, name }, { signal }).catch(absent);
      return pod?.metadata.uid === uid ? pod : undefined;
    });
    return read.filter((pod) => pod !== undefined).filter(isHeld);
  }

  async function store(consumer: string, { ended, namespaceDeletedAt }: Ended, signal: AbortSignal): Promise<void> {
    const ref = { namespace: tenantNamespace(consumer), name: NAME.verdicts };
    const standing = await client.get<ConfigMap>(CONFIG_MAP, ref, { signal }).catch(absent);
    const data = withRecords(standing?.data ?? {}, ended, { at: clock.wall(), namespaceDeletedAt });
    const labels = { [LABEL.origin]: consumer, 'app.kubernetes.io/managed-by': 'tombolo' };
    if (standing === undefined) {
      await client.create<ConfigMap>(CONFIG_MAP, { metadata: { ...ref, labels }, data }, { signal });
      return;
    }
    const { uid, resourceVersion } = standing.metadata;
    const gone = Object.keys(standing.data ?? {}).filter((key) => !Object.hasOwn(data, key));
    const body = {
      metadata: { uid, resourceVersion, labels },
      data: { ...data, ...Object.fromEntries(gone.map((key) => [key, null])) },
    };
    await client.patch<ConfigMap>(CONFIG_MAP, ref, body, { type: 'merge', signal });
  }

  async function tryToStore(consumer: string, what: Ended, signal: AbortSignal) {
    try {
      if (what.ended.length > 0) await store(consumer, what, signal);
      return undefined;
    } catch (error) {
      if (error instanceof KubeError) return error;
      throw error;
    }
  }

  return {
    name: 'verdict',
    async reconcile(key, signal) {
      const held = pods.byIndex(HELD_IN, key);
      const since = noteHeld(key, held);
      if (held.length === 0) return done;
      const namespace = namespaces.get(key);
      const namespaceDeletedAt = namespace?.metadata.deletionTimestamp;
      const isEnding = namespace === undefined || namespaceDeletedAt !== undefined;
      const heldMs = ({ metadata: { uid = '' } }: Pod) => clock.now() - (since.get(uid) ?? clock.now());
      const due = held.filter((pod) => isEnding || heldMs(pod) >= HOLD_MS);
      const ended = await readAgain(due, signal);
      const consumer = namespace?.metadata.labels?.[LABEL.origin];
      const failure =
        consumer === undefined ? undefined : await tryToStore(consumer, { ended, namespaceDeletedAt }, signal);
      // At the end of a peering the tenant namespace goes too, and with it whoever would read.
      const isOver = failure === undefined || (isEnding && (failure.isForbidden || failure.isNotFound));
      const released = isOver ? ended : ended.filter((pod) => heldMs(pod) >= GIVE_UP_MS);
      await mapLimit(released, PARALLEL, (pod) => releaseVerdict(client, pod, signal));
      if (!isOver) throw failure;
      // Their deletion comes as an event; what stands after that was changed meanwhile, or was not due.
      const waits = held.filter((pod) => !due.includes(pod)).map((pod) => HOLD_MS - heldMs(pod));
      return requeueAfter(Math.min(RECHECK_MS, ...waits));
    },
  };
}

function absent(error: unknown): undefined {
  if (isNotFound(error)) return undefined;
  throw error;
}
