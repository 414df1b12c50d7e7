import { FINALIZER, LABEL, type Peer, PEER, type Role, SYSTEM_NAMESPACE, type VirtualNode } from '#pkg/api';
import { type Informer, KubeError, type KubeClient, type Secret } from '#pkg/kube';
import { done, type Queue, type Reconciler, type ReconcileResult, requeueAfter } from '#pkg/runtime';
import type { ConsumerDeps } from './consumer/obtain.ts';
import { credentialsSecretName } from './consumer/peer-credentials.ts';
import { reconcileConsumer } from './consumer/reconcile-consumer.ts';
import { type ConsumerSession, consumerSession } from './consumer/session.ts';
import { unlessNotFound } from './not-found.ts';
import type { PeerClusters } from './peer-clusters.ts';
import { statusOf, writeStatus } from './peer-status.ts';
import { stands, updatePeer } from './peer-view.ts';
import { type ProviderSession, providerSession, reconcileProvider } from './provider/reconcile-provider.ts';
import type { DirectionReport } from './report.ts';

export interface PeerReconcilerDeps extends ConsumerDeps {
  readonly peers: Informer<Peer>;
  /** Secrets of the system namespace with `PEER_SECRETS_SELECTOR`; the informer that `clusters` follows. */
  readonly secrets: Informer<Secret>;
  readonly clusters: PeerClusters;
}

interface Session {
  readonly uid: string | undefined;
  consumer: ConsumerSession;
  provider: ProviderSession;
}

/**
 * Makes and ends peerings, both directions of each. Run by the leader, with as many workers as there may be dead peers
 * at once (a worker costs nothing; one look at a dead peer takes up to 5 s): 64 is a good number. Dispose it at the end.
 */
export function peerReconciler(deps: PeerReconcilerDeps): Reconciler & AsyncDisposable {
  const sessions = new Map<string, Session>();

  const sessionOf = async (peer: Peer): Promise<Session> => {
    const { name, uid } = peer.metadata;
    const known = sessions.get(name);
    if (known !== undefined && known.uid === uid) return known;
    await forget(name);
    const session = { uid, consumer: consumerSession(deps), provider: providerSession() };
    sessions.set(name, session);
    return session;
  };
  const forget = async (name: string): Promise<void> => {
    const session = sessions.get(name);
    sessions.delete(name);
    await session?.consumer[Symbol.asyncDispose]();
  };

  return {
    name: 'peer',
    async reconcile(name, signal): Promise<ReconcileResult> {
      const peer = deps.peers.get(name);
      if (peer === undefined) {
        await forget(name);
        return done;
      }
      if (peer.metadata.deletionTimestamp === undefined && !hasFinalizer(peer)) {
        await updatePeer(deps.home, name, addFinalizer, signal);
        return done; // the change brings us back
      }
      const session = await sessionOf(peer);
      const reports: DirectionReport[] = [];
      if (isActive(deps, peer, 'Consume')) {
        const report = await reconcileConsumer(deps, peer, session.consumer, signal);
        reports.push(report);
        if (!report.stands && report.phase === 'Ending') {
          // What was remembered belongs to a direction that is over.
          await session.consumer[Symbol.asyncDispose]();
          session.consumer = consumerSession(deps);
        }
      }
      if (isActive(deps, peer, 'Provide')) {
        const providerDeps = { client: deps.home, clock: deps.clock, log: deps.log };
        reports.push(await reconcileProvider(providerDeps, peer, session.provider, signal));
      }
      if (isOver(peer) && reports.every((report) => !report.stands)) {
        await finish(deps.home, peer, signal);
        return done;
      }
      await writeStatus(deps.home, peer, statusOf(peer, reports, deps.clock.wall()), signal);
      return requeueAfter(Math.min(60_000, ...reports.map((report) => report.requeueAfterMs)));
    },
    async [Symbol.asyncDispose]() {
      for (const name of sessions.keys()) await forget(name);
    },
  };
}

/** Nobody wants any direction of it. */
function isOver(peer: Peer): boolean {
  return peer.metadata.deletionTimestamp !== undefined || peer.spec.roles.length === 0;
}

/** Whether that direction is wanted, or something of it may be left. */
function isActive(deps: PeerReconcilerDeps, peer: Peer, role: Role): boolean {
  if (peer.spec.roles.includes(role) || stands(peer, role)) return true;
  // A role that came and went before the status knew it: the last look makes sure that nothing stays.
  if (isOver(peer)) return true;
  if (role === 'Consume')
    return deps.secrets.get(`${SYSTEM_NAMESPACE}/${credentialsSecretName(peer.metadata.name)}`) !== undefined;
  return peer.status?.consumerReleased === true;
}

function hasFinalizer(peer: Peer): boolean {
  return peer.metadata.finalizers?.includes(FINALIZER.peering) ?? false;
}

function addFinalizer(peer: Peer): boolean {
  if (hasFinalizer(peer) || peer.metadata.deletionTimestamp !== undefined) return false;
  peer.metadata.finalizers = [...(peer.metadata.finalizers ?? []), FINALIZER.peering];
  return true;
}

/** Lets the Peer go: deletes it where nobody has, and takes our finalizer off, that of nobody else. */
async function finish(client: KubeClient, peer: Peer, signal: AbortSignal): Promise<void> {
  const { name, uid, resourceVersion } = peer.metadata;
  if (peer.metadata.deletionTimestamp === undefined) {
    // Only this very version: somebody may have asked for a role again.
    const preconditions = {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    await client.delete(PEER, { name }, { ...preconditions, signal }).catch((error: unknown) => {
      if (!(error instanceof KubeError && error.isConflict)) unlessNotFound(error);
    });
    return;
  }
  await updatePeer(
    client,
    name,
    (stored) => {
      if (stored.metadata.uid !== uid || !hasFinalizer(stored)) return false;
      stored.metadata.finalizers = (stored.metadata.finalizers ?? []).filter(
        (finalizer) => finalizer !== FINALIZER.peering,
      );
      return true;
    },
    signal,
  );
}

/** Everything that makes a Peer worth a look: itself, its Secrets, its virtual nodes, its connection. */
export function peerTriggers(
  sources: Pick<PeerReconcilerDeps, 'peers' | 'secrets' | 'clusters'> & { virtualNodes: Informer<VirtualNode> },
  queue: Pick<Queue, 'add'>,
): Disposable {
  const stack = new DisposableStack();
  stack.use(sources.peers.on((old, current) => queue.add((current ?? old)?.metadata.name ?? '')));
  stack.use(
    sources.secrets.on((old, current) => {
      const peer = (current ?? old)?.metadata.labels?.[LABEL.peer];
      if (peer !== undefined) queue.add(peer);
    }),
  );
  stack.use(
    sources.virtualNodes.on((old, current) => {
      // Only its end matters here: status changes of virtual nodes are many.
      const node = current ?? old;
      if (node !== undefined && (current === undefined || node.metadata.deletionTimestamp !== undefined))
        queue.add(node.spec.peer);
    }),
  );
  stack.use(sources.clusters.on((peer) => queue.add(peer)));
  return stack;
}
