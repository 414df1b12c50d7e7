import { randomBytes } from 'node:crypto';
import { LABEL, NAME, OFFLOADING, type Offloading, typeMeta } from '#pkg/api';
import { type Cluster, NAMESPACE } from '#pkg/kube';
import { messageOf } from '#pkg/runtime';
import { CliError } from '../../errors.ts';
import { type Session, waitFor } from '../../session.ts';
import { undefinedIfAbsent } from '../installed.ts';
import { readOffloading } from '../offload.ts';
import { serverTime } from '../server-time.ts';
import { COMPONENT, scratchNamespace } from './manifests.ts';

/** What a killed run left is removed by the next one after this; no run is as long. */
const STALE_MS = 15 * 60_000;
/** For the request that removes the namespace; less once the session has ended, within what `run.ts` gives. */
const DELETE_MS = 20_000;
const DELETE_AT_END_MS = 1_300;
/** For pods and twin to go, counted from the request; then the result comes first, and the rest goes by itself. */
const GONE_MS = 20_000;
const LOOK_MS = 250;

/** Removes namespaces of runs that were killed. */
export async function sweep(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const query = { labelSelector: `${LABEL.component}=${COMPONENT}` };
  const { items } = await cluster.client.list(NAMESPACE, query, { signal });
  if (items.length === 0) return;
  const now = await serverTime(cluster, signal);
  for (const { metadata } of items) {
    const made = Date.parse(metadata.creationTimestamp ?? '');
    if (metadata.deletionTimestamp !== undefined || !(now.getTime() - made > STALE_MS)) continue;
    await cluster.client.delete(NAMESPACE, { name: metadata.name }, { signal }).catch(undefinedIfAbsent);
  }
}

/**
 * Runs `work` in a namespace of its own that is offloaded to `peer` alone, and removes the namespace whatever happens; after
 * the end of the session only by asking for it, since nobody waits any longer.
 * @throws CliError `Refused` where the peer makes no twin; what `work` throws
 */
export async function withScratch<T>(
  session: Session,
  cluster: Cluster,
  peer: string,
  work: (namespace: string) => Promise<T>,
): Promise<T> {
  // Short: the twin has our own name at its end, and both together fit into 63 characters.
  const name = `verify-${randomBytes(3).toString('hex')}`;
  try {
    await cluster.client.create(NAMESPACE, scratchNamespace(name), { signal: session.signal });
    await offload(session, cluster, name, peer);
    return await work(name);
  } finally {
    await remove(session, cluster, name);
  }
}

async function offload(session: Session, cluster: Cluster, namespace: string, peer: string): Promise<void> {
  const { signal } = session;
  const matchExpressions = [{ key: LABEL.peer, operator: 'In' as const, values: [peer] }];
  const object: Offloading = {
    ...typeMeta(OFFLOADING),
    metadata: { name: NAME.offloading, namespace },
    spec: { peerSelector: [{ matchExpressions }] },
  };
  await cluster.client.create<Offloading>(OFFLOADING, object, { signal });
  const look = async (): Promise<true | undefined> => {
    const now = await readOffloading(cluster, namespace, signal);
    const state = now?.status?.peers?.find((entry) => entry.peer === peer);
    if (state?.state !== 'Refused') return state?.state === 'Accepted' || undefined;
    throw new CliError('Refused', { attempted: 'place pods there', where: `peer ${peer}`, why: state.message });
  };
  await waitFor(session, `waiting until ${peer} has a twin of namespace ${namespace}`, look, LOOK_MS);
}

async function remove({ signal, progress }: Session, cluster: Cluster, name: string): Promise<void> {
  progress.step(`removing namespace ${name}`);
  const isGone = async (): Promise<true | undefined> =>
    (await cluster.client.get(NAMESPACE, { name }, gone).catch(undefinedIfAbsent)) === undefined || undefined;
  const asked = { signal: AbortSignal.timeout(signal.aborted ? DELETE_AT_END_MS : DELETE_MS) };
  const gone = { signal: AbortSignal.any([signal, AbortSignal.timeout(GONE_MS)]), progress };
  // Neither error hides the result, or the error, of the run.
  try {
    await cluster.client.delete(NAMESPACE, { name }, asked).catch(undefinedIfAbsent);
  } catch (error) {
    const next = `run \`kubectl delete namespace ${name}\`; a later \`tombolo verify\` removes it too`;
    progress.note(`namespace ${name} could not be removed (${messageOf(error)}); ${next}`);
    return;
  }
  if (signal.aborted) return;
  await waitFor(gone, `waiting until namespace ${name} is gone`, isGone, LOOK_MS).catch(() => {
    progress.note(`namespace ${name} is still on its way out; see \`kubectl get namespace ${name}\``);
  });
}
