import { CONFIG_MAP, isNotFound, type KubeClient, type Pod, type Resource, SECRET } from '#pkg/kube';
import type { Clock } from '#pkg/runtime';
import { twinConfigMapName } from '#reflectors/framework';
import { conditionOf, hasRun, isTerminal } from './pod-types.ts';
import { type Refusal, refusal } from './refusal.ts';

/**
 * ConfigMaps, Secrets and keys that volumes of a waiting pod need and that the twin lacks (POD-74). A kubelet only says
 * `ContainerCreating` then, and names what it lacks in an Event whose words are no interface, so we look ourselves;
 * references of env variables it names in the container's status.
 */
export interface ReferenceCheck {
  find(local: Pod, remote: Pod, twin: string, signal: AbortSignal): Promise<Refusal | undefined>;
}

/** A volume that mounts is there within this time; before, nothing is looked up. */
const PATIENCE_MS = 3_000;

/** One look at an object serves all pods that wait for it. */
const REMEMBER_MS = 5_000;

/** Objects remembered; then all are forgotten, since each costs one GET. */
const MAX_REMEMBERED = 500;

interface Need {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  /** Keys that must be in it; none: the object is enough. */
  readonly keys: readonly string[];
}

/** Undefined keys: the object does not exist. */
interface Seen {
  readonly atMs: number;
  readonly keys: ReadonlySet<string> | undefined;
}

export function referenceCheck(options: {
  readonly peer: string;
  readonly client: Pick<KubeClient, 'get'>;
  readonly clock: Clock;
}): ReferenceCheck {
  const { peer, client, clock } = options;
  const seen = new Map<string, Seen>();

  const look = async (need: Need, namespace: string, signal: AbortSignal): Promise<Seen> => {
    const key = `${need.kind} ${namespace}/${need.name}`;
    const known = seen.get(key);
    if (known !== undefined && clock.now() - known.atMs < REMEMBER_MS) return known;
    if (seen.size >= MAX_REMEMBERED) seen.clear();
    const entry = { atMs: clock.now(), keys: await keysOf(client, need, namespace, signal) };
    seen.set(key, entry);
    return entry;
  };

  return {
    async find(local, remote, twin, signal) {
      if (!isStuck(remote, clock.wall())) return undefined;
      for (const need of volumeNeeds(local)) {
        const { keys } = await look(need, twin, signal);
        if (keys === undefined) return refusal(peer, 'MissingReference', `${need.kind} "${need.name}" is not there`);
        const missing = need.keys.find((key) => !keys.has(key));
        if (missing !== undefined) {
          return refusal(peer, 'MissingReference', `key "${missing}" is not in ${need.kind} "${need.name}"`);
        }
      }
      return undefined;
    },
  };
}

/** Placed, and its volumes are not mounted after a while. */
export function isStuck(remote: Pod, now: Date): boolean {
  const scheduled = conditionOf(remote, 'PodScheduled');
  if (isTerminal(remote) || hasRun(remote) || scheduled?.status !== 'True') return false;
  return now.getTime() - Date.parse(scheduled.lastTransitionTime ?? '') >= PATIENCE_MS;
}

async function keysOf(
  client: Pick<KubeClient, 'get'>,
  { kind, name }: Need,
  namespace: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  const resource: Resource = kind === 'Secret' ? SECRET : CONFIG_MAP;
  try {
    const object: object = await client.get(resource, { namespace, name }, { signal });
    const { data = {}, binaryData = {} } = object as { data?: object; binaryData?: object };
    return new Set([...Object.keys(data), ...Object.keys(binaryData)]);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** What the volumes of `local` cannot do without, under the names of the twin. Volumes that nobody mounts need nothing. Pure. */
export function volumeNeeds(local: Pod): Need[] {
  const { containers = [], initContainers = [], volumes = [] } = local.spec ?? {};
  const mounts = [...initContainers, ...containers].flatMap(({ volumeMounts = [] }) => volumeMounts);
  const mounted = new Set(mounts.map(({ name }) => name));
  const needs: Need[] = [];
  const add = (
    kind: Need['kind'],
    source: { name?: string; optional?: boolean; items?: readonly { key: string }[] } | undefined,
  ) => {
    if (source?.name === undefined || source.optional === true) return;
    const name = kind === 'ConfigMap' ? twinConfigMapName(source.name) : source.name;
    needs.push({ kind, name, keys: (source.items ?? []).map(({ key }) => key) });
  };
  for (const { name, configMap, secret, projected } of volumes) {
    if (!mounted.has(name)) continue;
    add('ConfigMap', configMap);
    if (secret?.secretName !== undefined) add('Secret', { ...secret, name: secret.secretName });
    for (const source of projected?.sources ?? []) {
      add('ConfigMap', source.configMap);
      add('Secret', source.secret);
    }
  }
  return needs;
}
