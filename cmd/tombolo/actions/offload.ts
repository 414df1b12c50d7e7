import {
  NAME,
  OFFLOADING,
  type Offloading,
  type OffloadingPeerState,
  type OffloadingSpec,
  type PodStrategy,
  type SelectorTerm,
  typeMeta,
} from '#pkg/api';
import { type Cluster, NAMESPACE } from '#pkg/kube';
import { CliError, EXIT } from '../errors.ts';
import { noSuchName } from '../near.ts';
import type { Result } from '../output/format.ts';
import { table } from '../output/table.ts';
import { argument, type Session, waitFor } from '../session.ts';
import { requireInstalled, undefinedIfAbsent } from './installed.ts';

export interface OffloadOptions {
  readonly strategy?: PodStrategy;
  readonly peerSelector?: SelectorTerm[];
  readonly twin?: 'Default' | 'Same';
  readonly twinName?: string;
}

/**
 * Offloads a namespace and says per peer what became of it (CLI-13). Run again with other flags it changes those fields only.
 * @returns exit code 4 where some peers failed or none is selected, 1 where all failed
 */
export async function offload(session: Session, options: OffloadOptions, args: readonly string[]): Promise<Result> {
  const { signal, progress, flags } = session;
  const namespace = argument(args, 'the namespace');
  const spec = specOf(options);
  progress.step(`offloading namespace ${namespace}`);
  const cluster = await session.home();
  await requireInstalled(cluster, signal);
  await requireNamespace(cluster, namespace, signal);
  const written = await write(cluster, namespace, spec, signal);
  if (!flags.wait) {
    const watch = `kubectl -n ${namespace} wait offloading/${NAME.offloading} --for=condition=Ready`;
    return { value: view(written), text: `Namespace ${namespace} is to be offloaded. To watch: \`${watch}\`` };
  }
  const settled = await waitFor(session, `waiting for the peers of namespace ${namespace}`, async () => {
    const now = await readOffloading(cluster, namespace, signal);
    return now !== undefined && isSettled(now, written.metadata.generation ?? 0) ? now : undefined;
  });
  return { value: view(settled), text: print(settled), exitCode: exitCodeFor(settled) };
}

/** @throws CliError `BadFlag` where flags contradict each other */
function specOf({ strategy, peerSelector, twin, twinName }: OffloadOptions): OffloadingSpec {
  if (twin !== undefined && twinName !== undefined) {
    throw new CliError('BadFlag', {
      attempted: 'read the flags',
      where: `--twin ${twin} --twin-name ${twinName}`,
      why: 'a name of your own and a strategy for names exclude each other',
    });
  }
  return {
    ...(strategy !== undefined && { podStrategy: strategy }),
    ...(peerSelector !== undefined && { peerSelector }),
    ...(twin !== undefined && { twin: { strategy: twin } }),
    ...(twinName !== undefined && { twin: { strategy: 'Named' as const, name: twinName } }),
  };
}

async function requireNamespace(cluster: Cluster, name: string, signal: AbortSignal): Promise<void> {
  if ((await cluster.client.get(NAMESPACE, { name }, { signal }).catch(undefinedIfAbsent)) !== undefined) return;
  const { items } = await cluster.client.list(NAMESPACE, {}, { signal });
  throw new CliError('UnknownNamespace', {
    attempted: 'offload the namespace',
    where: `Namespace "${name}" of cluster ${cluster.name}`,
    why: noSuchName(
      name,
      items.map((item) => item.metadata.name),
    ),
  });
}

export async function readOffloading(
  cluster: Cluster,
  namespace: string,
  signal: AbortSignal,
): Promise<Offloading | undefined> {
  const ref = { namespace, name: NAME.offloading };
  return await cluster.client.get<Offloading>(OFFLOADING, ref, { signal }).catch(undefinedIfAbsent);
}

/** Creates the object, or merges what was asked for into it: fields that no flag names stay. */
async function write(
  cluster: Cluster,
  namespace: string,
  spec: OffloadingSpec,
  signal: AbortSignal,
): Promise<Offloading> {
  const existing = await readOffloading(cluster, namespace, signal);
  if (existing?.metadata.deletionTimestamp !== undefined) {
    throw new CliError('Refused', {
      attempted: 'offload the namespace',
      where: `Offloading ${namespace}/${NAME.offloading}`,
      why: 'an earlier offloading is still ending',
      next: 'run the command again when `tombolo status` shows that it is gone',
    });
  }
  if (existing === undefined) {
    const object: Offloading = { ...typeMeta(OFFLOADING), metadata: { name: NAME.offloading, namespace }, spec };
    return await cluster.client.create<Offloading>(OFFLOADING, object, { signal });
  }
  if (Object.keys(spec).length === 0) return existing;
  const ref = { namespace, name: NAME.offloading };
  return await cluster.client.patch<Offloading>(OFFLOADING, ref, { spec }, { type: 'merge', signal });
}

/** The controller has seen this version, and every peer has answered. */
function isSettled({ status }: Offloading, generation: number): boolean {
  if ((status?.observedGeneration ?? 0) < generation) return false;
  return status?.summary !== undefined && status.summary !== 'Waiting';
}

function exitCodeFor({ status }: Offloading): 0 | 1 | 4 {
  if (status?.summary === 'AllReady') return EXIT.done;
  return status?.summary === 'AllFailed' ? EXIT.failed : EXIT.unhealthy;
}

function view({ metadata, spec, status }: Offloading): object {
  return {
    namespace: metadata.namespace,
    strategy: spec.podStrategy ?? 'LocalAndRemote',
    summary: status?.summary ?? 'Waiting',
    peers: (status?.peers ?? []).map(({ ownerUid: _, ...peer }) => peer),
  };
}

function print({ metadata, status }: Offloading): string {
  const peers = status?.peers ?? [];
  const rows = peers.map(({ peer, state, twin, message }: OffloadingPeerState) => [peer, state, twin ?? '', message]);
  const title = `Namespace ${metadata.namespace}: ${status?.summary ?? 'Waiting'}`;
  if (peers.length === 0) {
    const ready = status?.conditions?.find((condition) => condition.type === 'Ready');
    return `${title}. ${ready?.message ?? 'No virtual node is selected; peer with a cluster by `tombolo peer`.'}`;
  }
  return `${title}\n${table(['peer', 'state', 'twin', 'message'], rows)}`;
}
