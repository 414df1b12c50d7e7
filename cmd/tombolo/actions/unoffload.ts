import { LABEL, NAME, OFFLOADING, type Offloading, type OffloadingPeerState } from '#pkg/api';
import { type Cluster, NAMESPACE, NODE, POD } from '#pkg/kube';
import { CliError } from '../errors.ts';
import type { Result } from '../output/format.ts';
import { table } from '../output/table.ts';
import { argument, type Session, waitFor } from '../session.ts';
import { requireInstalled, undefinedIfAbsent } from './installed.ts';
import { readOffloading } from './offload.ts';

/**
 * Ends offloading of a namespace: lists what goes, asks, takes label and object away, and says per peer what became of it
 * (CLI-12, CLI-13). Run again it waits on.
 */
export async function unoffload(session: Session, _options: object, args: readonly string[]): Promise<Result> {
  const { signal, progress, flags } = session;
  const namespace = argument(args, 'the namespace');
  progress.step(`looking at namespace ${namespace}`);
  const cluster = await session.home();
  await requireInstalled(cluster, signal);
  const offloading = await readOffloading(cluster, namespace, signal);
  const isLabelled = await hasLabel(cluster, namespace, signal);
  if (offloading === undefined && !isLabelled) {
    const where = `Namespace "${namespace}" of cluster ${cluster.name}`;
    throw new CliError('NotOffloaded', { attempted: 'end offloading', where, why: 'it is not offloaded' });
  }
  const peers = offloading?.status?.peers ?? [];
  if (offloading?.metadata.deletionTimestamp === undefined) {
    const pods = await remotePods(cluster, namespace, signal);
    await session.confirm(`End offloading of namespace ${namespace}?`, [
      ...pods.map((name) => `pod ${name} is evicted`),
      ...(offloading === undefined ? [] : goingTwins(offloading)),
    ]);
    await end(cluster, namespace, isLabelled, signal);
  }
  if (!flags.wait) {
    const watch = `kubectl -n ${namespace} wait offloading/${NAME.offloading} --for=delete`;
    return {
      value: { namespace, ended: false, peers: [] },
      text: `Offloading of ${namespace} is ending. To watch: \`${watch}\``,
    };
  }
  await waitForEnd(session, cluster, namespace);
  return report(namespace, peers);
}

async function hasLabel(cluster: Cluster, name: string, signal: AbortSignal): Promise<boolean> {
  const namespace = await cluster.client.get(NAMESPACE, { name }, { signal }).catch(undefinedIfAbsent);
  return namespace?.metadata.labels?.[LABEL.offload] !== undefined;
}

/** Names of the pods that run on virtual nodes. */
async function remotePods(cluster: Cluster, namespace: string, signal: AbortSignal): Promise<string[]> {
  const [pods, nodes] = await Promise.all([
    cluster.client.list(POD, { namespace }, { signal }),
    cluster.client.list(NODE, { labelSelector: LABEL.peer }, { signal }),
  ]);
  const virtual = new Set(nodes.items.map((node) => node.metadata.name));
  return pods.items.flatMap(({ metadata, spec }) => (virtual.has(spec?.nodeName ?? '') ? [metadata.name] : []));
}

function goingTwins({ spec, status }: Offloading): string[] {
  const verb = spec.onEnd === 'Retain' ? 'is left' : 'is deleted with what is in it, also volumes';
  return (status?.peers ?? []).flatMap(({ peer, twin }) =>
    twin === undefined ? [] : [`namespace ${twin} on ${peer} ${verb}`],
  );
}

/** The object first: a label without an object would be a new wish, and make another one. */
async function end(cluster: Cluster, namespace: string, isLabelled: boolean, signal: AbortSignal): Promise<void> {
  const ref = { namespace, name: NAME.offloading };
  await cluster.client.delete(OFFLOADING, ref, { signal }).catch(undefinedIfAbsent);
  if (!isLabelled) return;
  const body = { metadata: { labels: { [LABEL.offload]: null } } };
  await cluster.client.patch(NAMESPACE, { name: namespace }, body, { type: 'merge', signal }).catch(undefinedIfAbsent);
}

/** Waits until the object is gone: then the pods are back and the twins away. Says meanwhile which peer is waited for. */
async function waitForEnd(session: Session, cluster: Cluster, namespace: string): Promise<void> {
  const { signal, progress } = session;
  await waitFor(session, `waiting until offloading of ${namespace} has ended`, async () => {
    const now = await readOffloading(cluster, namespace, signal);
    if (now === undefined) return true;
    const left = (now.status?.peers ?? []).map(({ peer, message }) => `${peer}: ${message}`);
    if (left.length > 0) progress.step(`waiting until offloading of ${namespace} has ended (${left.join('; ')})`);
    return undefined;
  });
}

function report(namespace: string, peers: readonly OffloadingPeerState[]): Result {
  const ended = peers.map(({ peer, twin }) => ({
    peer,
    ended: true,
    message: twin === undefined ? 'nothing was there' : `twin ${twin} is gone`,
  }));
  const title = `Namespace ${namespace} is not offloaded any more.`;
  const rows = ended.map(({ peer, message }) => [peer, 'Ended', message]);
  return {
    value: { namespace, ended: true, peers: ended },
    text: rows.length === 0 ? title : `${title}\n${table(['peer', 'state', 'message'], rows)}`,
  };
}
