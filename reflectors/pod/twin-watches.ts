import { LABEL } from '#pkg/api';
import {
  type Cluster,
  type KubeObject,
  type Pod,
  POD,
  REPLICA_SET,
  type ReplicaSet,
  type Resource,
  SECRET,
} from '#pkg/kube';
import { keyedTasks, type Log, TaskGroup } from '#pkg/runtime';
import { liveTwins, type TwinTable } from '#reflectors/framework';
import type { Interner } from './interner.ts';
import { BY_POD_UID, homeNameOf, podUidLabel, storedRemotePod, storedWrapper } from './stored-pod.ts';
import { isOwned, storedTokenSecret, TOKEN_COMPONENT } from './token-secret.ts';

/** Index of remote pods: name of the local pod. */
const BY_HOME_NAME = 'homeName';

/** Remote pods and wrappers of one node in one twin. */
export interface TwinView {
  readonly isSynced: boolean;
  pods(podUid: string): readonly Pod[];
  wrapper(podUid: string): ReplicaSet | undefined;
  /** The Secret of its tokens, metadata only. */
  tokenSecret(podUid: string): KubeObject | undefined;
  /** Pods and wrapper that stand for a local pod of that name, of any UID. */
  named(homeName: string): readonly (Pod | ReplicaSet)[];
}

export interface TwinWatches {
  /** Undefined where the namespace has no twin in which anything of ours can be. */
  of(homeNamespace: string): TwinView | undefined;
  run(signal: AbortSignal): Promise<void>;
}

export interface TwinWatchOptions {
  readonly cluster: Cluster;
  readonly twins: TwinTable;
  /** Only objects with these labels are read: those of this node. */
  readonly origin: string;
  readonly nodeName: string;
  readonly interner: Interner;
  readonly log: Log;
  /** Something changed there. `gone` is the last state of a remote pod that was deleted. */
  readonly onChange: (homeNamespace: string, podUid: string, homeName: string, gone: Pod | undefined) => void;
  /** Everything of a twin was read for the first time. */
  readonly onSynced: (homeNamespace: string) => void;
}

/**
 * One watch each for pods, ReplicaSets and token Secrets per twin (kubernetes-facts 13), opened and closed with the twin table. A
 * twin that cannot be read is tried again by its own watch and delays no other.
 */
export function twinWatches(options: TwinWatchOptions): TwinWatches {
  const { twins, log } = options;
  const open = new Map<string, { twin: string; view: TwinView }>();

  const watch = async (key: string, signal: AbortSignal) => {
    const { home, twin } = JSON.parse(key) as { home: string; twin: string };
    const caches = informers(options, twin);
    const { pods, wrappers, tokens } = caches;
    const view = viewOf(caches, twin);
    open.set(home, { twin, view });
    await using group = new TaskGroup(signal);
    using _pods = pods.on((old, current) => report(options, home, old, current));
    using _wrappers = wrappers.on((old, current) => {
      const wrapper = current ?? old;
      const [uid] = wrapper === undefined ? [] : podUidLabel(wrapper);
      if (wrapper !== undefined && uid !== undefined) options.onChange(home, uid, wrapper.metadata.name, undefined);
    });
    using _tokens = tokens.on((old, current) => {
      const secret = current ?? old;
      const [uid] = secret === undefined ? [] : podUidLabel(secret);
      // One that stands and belongs to something needs no look: whoever made it comes back for it.
      if (secret === undefined || uid === undefined || (current !== undefined && isOwned(current))) return;
      options.onChange(home, uid, homeNameOf(secret), undefined);
    });
    group.start('pods', (taskSignal) => pods.run(taskSignal));
    group.start('wrappers', (taskSignal) => wrappers.run(taskSignal));
    group.start('tokens', (taskSignal) => tokens.run(taskSignal));
    group.start('synced', async () => {
      await Promise.all([pods.synced, wrappers.synced, tokens.synced]);
      options.onSynced(home);
    });
    try {
      await group.settled;
    } finally {
      if (open.get(home)?.view === view) open.delete(home);
    }
  };

  return {
    of: (home) => open.get(home)?.view,
    async run(signal) {
      await using tasks = keyedTasks(signal, watch, { log });
      const follow = () => tasks.set(wantedKeys(twins));
      using _twins = twins.on(follow);
      follow();
      await aborted(signal);
    },
  };
}

/** A twin of another name is another watch, so both are in the key. */
function wantedKeys(twins: TwinTable): string[] {
  return liveTwins(twins).map(({ home, twin }) => JSON.stringify({ home, twin: twin.namespace }));
}

function informers({ cluster, origin, nodeName, interner }: TwinWatchOptions, namespace: string) {
  const labelSelector = `${LABEL.origin}=${origin},${LABEL.grant}=${nodeName},${LABEL.podUid}`;
  const pods = cluster.informer(POD, {
    namespace,
    labelSelector,
    transform: (pod) => storedRemotePod(pod, interner),
    indexes: { [BY_POD_UID]: podUidLabel, [BY_HOME_NAME]: (pod) => [homeNameOf(pod)] },
  });
  const wrappers = cluster.informer(REPLICA_SET, {
    namespace,
    labelSelector,
    transform: storedWrapper,
    indexes: { [BY_POD_UID]: podUidLabel },
  });
  const tokens = cluster.informer<KubeObject>(SECRET as Resource, {
    namespace,
    metadataOnly: true,
    labelSelector: `${labelSelector},${LABEL.component}=${TOKEN_COMPONENT}`,
    transform: storedTokenSecret,
    indexes: { [BY_POD_UID]: podUidLabel },
  });
  return { pods, wrappers, tokens };
}

function viewOf({ pods, wrappers, tokens }: ReturnType<typeof informers>, namespace: string): TwinView {
  return {
    get isSynced() {
      return pods.isSynced && wrappers.isSynced && tokens.isSynced;
    },
    pods: (uid) => pods.byIndex(BY_POD_UID, uid),
    wrapper: (uid) => wrappers.byIndex(BY_POD_UID, uid)[0],
    tokenSecret: (uid) => tokens.byIndex(BY_POD_UID, uid)[0],
    named(name) {
      const wrapper = wrappers.get(`${namespace}/${name}`);
      const found = pods.byIndex(BY_HOME_NAME, name);
      return wrapper === undefined ? found : [...found, wrapper];
    },
  };
}

function report(options: TwinWatchOptions, home: string, old: Pod | undefined, current: Pod | undefined): void {
  const pod = current ?? old;
  const [uid] = pod === undefined ? [] : podUidLabel(pod);
  if (pod === undefined || uid === undefined) return;
  options.onChange(home, uid, homeNameOf(pod), current === undefined ? old : undefined);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
