import { type Pod, POD } from '#pkg/kube';
import { createQueue, runReconciler, TaskGroup } from '#pkg/runtime';
import { chooseRemote } from './choose-remote.ts';
import { grantLedger } from './grant-ledger.ts';
import { createInterner } from './interner.ts';
import { nodeReadiness } from './node-readiness.ts';
import { referenceCheck } from './missing-references.ts';
import type { PodReflectorDeps } from './pod-deps.ts';
import { createPodMemory } from './pod-memory.ts';
import { podKey, podReconciler } from './pod-reconciler.ts';
import type { PodParts } from './pod-run.ts';
import { conditionOf, isTerminal } from './pod-types.ts';
import { createProviderLink } from './provider-link.ts';
import { statusWriter } from './status-writer.ts';
import { BY_POD_UID, storedLocalPod } from './stored-pod.ts';
import { tokenKeeper } from './token-keeper.ts';
import { twinWatches } from './twin-watches.ts';

/** The pods of one virtual node, as the kubelet API shows them. */
export interface PodSource {
  list(): Pod[];
  /** @param key `namespace/name` at home */
  get(key: string): Pod | undefined;
  /** Where the pod runs; undefined where it has no remote pod. */
  remote(key: string): { namespace: string; name: string } | undefined;
}

export interface PodReflector {
  readonly pods: PodSource;
  /** Reflects until `signal` aborts; rejects only where going on is impossible. */
  run(signal: AbortSignal): Promise<void>;
}

/** Pods worked at once. Most of the time each waits for one request, and the pool to an API server has 12 connections. */
const WORKERS = 32;

/** Everything is looked at again this often, against whatever was missed. Costs no request where nothing differs. */
const RESYNC_MS = 10 * 60_000;

/** The reflector of one virtual node. Does nothing before `run`. */
export function createPodReflector(deps: PodReflectorDeps): PodReflector {
  const { home, remote, nodeName, twins, clock } = deps;
  const { peer, origin, cluster: provider } = remote;
  const log = deps.log.child({ peer, node: nodeName });
  const interner = createInterner();
  const locals = home.informer(POD, {
    fieldSelector: `spec.nodeName=${nodeName}`,
    transform: (pod) => storedLocalPod(pod, interner),
    indexes: { [BY_POD_UID]: ({ metadata: { uid } }) => (uid === undefined ? [] : [uid]) },
  });
  const readiness = nodeReadiness(deps);
  const queue = createQueue({ name: `pod-${nodeName}`, clock });
  const link = createProviderLink({ peer, clock });
  const memory = createPodMemory();
  const keyOfLocal = ({ metadata: { namespace = '', uid = '' } }: Pod) => podKey(namespace, uid);
  const enqueueWhere = (matches: (pod: Pod) => boolean, priority: 'high' | 'low') => {
    for (const pod of locals.list()) if (matches(pod)) queue.add(keyOfLocal(pod), { priority });
  };
  const enqueueAll = () => enqueueWhere(() => true, 'high');
  /** Pods without a remote one, and those that are to grow: what waits for room, a twin or the provider. */
  const enqueueWaiting = () =>
    enqueueWhere(
      (pod) => pod.status?.phase === 'Pending' || conditionOf(pod, 'PodResizePending') !== undefined,
      'high',
    );

  const watches = twinWatches({
    cluster: provider,
    twins,
    origin,
    nodeName,
    interner,
    log,
    onChange(homeNamespace, podUid, homeName, gone) {
      if (gone !== undefined) {
        if (isTerminal(gone) && locals.byIndex(BY_POD_UID, podUid).length > 0) memory.of(podUid).departed = gone;
        const successor = locals.get(`${homeNamespace}/${homeName}`);
        if (successor !== undefined && successor.metadata.uid !== podUid) queue.add(keyOfLocal(successor));
      }
      queue.add(podKey(homeNamespace, podUid));
    },
    onSynced: (homeNamespace) => enqueueWhere((pod) => pod.metadata.namespace === homeNamespace, 'low'),
  });
  const parts: PodParts = {
    deps,
    locals,
    watches,
    link,
    memory,
    ledger: grantLedger(peer, deps.grant),
    references: referenceCheck({ peer, client: provider.client, clock }),
    writer: statusWriter({ ...deps, log, link, interner, nodeIsReady: readiness.nodeIsReady }),
    tokens: tokenKeeper({ ...deps, log, link }),
    removing: { link, provider, home, clock },
    onRoom: enqueueWaiting,
  };

  const remoteOf = (pod: Pod | undefined): Pod | undefined => {
    const { namespace = '', uid = '' } = pod?.metadata ?? {};
    return chooseRemote(watches.of(namespace)?.pods(uid) ?? []).living;
  };

  return {
    pods: {
      list: () => locals.list(),
      get: (key) => locals.get(key),
      remote(key) {
        const { name, namespace } = remoteOf(locals.get(key))?.metadata ?? {};
        return name === undefined || namespace === undefined ? undefined : { name, namespace };
      },
    },
    async run(signal) {
      using _queue = queue;
      await using group = new TaskGroup(signal);
      using _locals = locals.on((old, current, isInitial) => {
        const priority = isInitial ? 'low' : 'high';
        for (const pod of [old, current]) if (pod !== undefined) queue.add(keyOfLocal(pod), { priority });
      });
      using _ready = readiness.follow(enqueueAll);
      using _translation = deps.onTranslation?.(enqueueAll);
      using _deny = deps.onDenyChange?.(() => enqueueWhere(() => true, 'low'));
      using _grant = deps.onGrantChange?.(enqueueWaiting);
      using _link = link.onRecovery(enqueueAll);
      using _twins = twins.on((namespace) => enqueueWhere((pod) => pod.metadata.namespace === namespace, 'high'));
      group.start('home pods', (s) => locals.run(s));
      group.start('twins', async (s) => {
        await locals.synced; // before, every remote object would look like a left-over
        await watches.run(s);
      });
      group.start('resync', async (s) => {
        for (;;) {
          await clock.sleep(RESYNC_MS, s);
          enqueueWhere(() => true, 'low');
        }
      });
      group.start('reconciler', (s) =>
        runReconciler(podReconciler(parts), { queue, workers: WORKERS, signal: s, log }),
      );
      await group.settled;
    },
  };
}

/** {@link createPodReflector} for callers that need no {@link PodSource}. */
export function runPodReflector(deps: PodReflectorDeps, signal: AbortSignal): Promise<void> {
  return createPodReflector(deps).run(signal);
}
