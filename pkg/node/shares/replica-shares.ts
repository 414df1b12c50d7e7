import { SYSTEM_NAMESPACE } from '#pkg/api';
import { type Cluster, KubeError, LEASE, type Lease } from '#pkg/kube';
import { type Clock, type Log, messageOf, rendezvous, systemClock, TaskGroup } from '#pkg/runtime';
import { liveReplicas } from './live-replicas.ts';
import { LEASE_MS, ownLease, REPLICA_SELECTOR } from './replica-lease.ts';

/** Leases end without an event. */
const TICK_MS = 500;
/** A replica that joins lets the others hear of it, and stop, before it takes what was theirs. */
const SETTLE_MS = 1_000;
/** Leases of replicas that died without releasing are deleted by the others after this long. */
const GARBAGE_MS = 60_000;
/** What of the time between two of our own renewals counts for the silence of others: the pause, and one that was lost. */
const COUNTED_MS = LEASE_MS / 3;
/** How long a release waits for the work to stop. */
const STOP_MS = 5_000;

export interface ReplicaSharesOptions {
  readonly home: Cluster;
  /** UID of the pod of this replica. */
  readonly identity: string;
  /** Default `tombolo-system`. */
  readonly namespace?: string;
  readonly clock?: Clock;
  readonly log: Log;
}

/** Which peers this replica serves. All virtual nodes of one peer are on one replica. */
export interface ReplicaShares {
  /** Peers of this replica now; empty while it does not hold its lease. */
  readonly owned: ReadonlySet<string>;
  /** The peers to share out. */
  setPeers(peers: Iterable<string>): void;
  /**
   * Told of every change. What it returns is awaited, for at most 5 s, before the lease is released at the end: the
   * others must not start before this replica has stopped.
   */
  on(handler: (owned: ReadonlySet<string>) => void | Promise<void>): Disposable;
  /** Holds the lease until `signal` aborts, then gives up everything and releases it. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Shares the peers out among the live replicas by rendezvous hashing: a replica that comes or goes moves only its own
 * part. Ownership is exclusive but for the seconds in which a watch lags: everything that is done under it must be
 * safe to be done twice.
 */
export function replicaShares(options: ReplicaSharesOptions): ReplicaShares {
  const { home, identity, log, namespace = SYSTEM_NAMESPACE, clock = systemClock } = options;
  const lease = ownLease({ client: home.client, namespace, identity, onRenewed, clock, log });
  const replicas = liveReplicas({ durationMs: LEASE_MS });
  const handlers = new Set<(owned: ReadonlySet<string>) => void | Promise<void>>();
  let peers: ReadonlySet<string> = new Set();
  let owned: ReadonlySet<string> = new Set();
  let share: { peers: ReadonlySet<string>; among: string; mine: ReadonlySet<string> } | undefined;
  let joinedAtMs: number | undefined;
  let renewedAtMs: number | undefined;
  let isClosing = false;

  /** The others must have heard of us before we take a part of theirs; alone there is nobody to wait for. */
  function hasSettled(live: readonly string[]): boolean {
    if (joinedAtMs === undefined) return false;
    return live.every((replica) => replica === identity) || clock.now() - joinedAtMs >= SETTLE_MS;
  }

  function onRenewed(): void {
    const now = clock.now();
    const uncountedMs = now - (renewedAtMs ?? now) - COUNTED_MS;
    renewedAtMs = now;
    if (uncountedMs > 0) replicas.unseen(uncountedMs, now);
    changed();
  }

  function compute(): ReadonlySet<string> {
    if (isClosing || !lease.isHeld()) {
      joinedAtMs = undefined;
      return new Set();
    }
    joinedAtMs ??= clock.now();
    const live = replicas.live(clock.now());
    // Our own lease is renewed every second: a watch that does not show it is behind, and shows the others as dead.
    if (!live.includes(identity) || !hasSettled(live)) return owned;
    const among = live.join();
    // Asked several times a second, answered anew only when a replica or a peer has come or gone.
    if (share?.peers !== peers || share.among !== among) {
      share = { peers, among, mine: new Set([...peers].filter((peer) => rendezvous(peer, live) === identity)) };
    }
    return share.mine;
  }

  async function update(): Promise<void> {
    const next = compute();
    if (next.size === owned.size && [...next].every((peer) => owned.has(peer))) return;
    log.info({ owned: [...next] }, 'serves these peers now');
    owned = next;
    await Promise.all([...handlers].map(async (handler) => handler(next)));
  }

  const changed = () => {
    update().catch((error: unknown) =>
      log.error({ error: messageOf(error) }, 'a change of shares could not be carried out'),
    );
  };

  async function sweep(signal: AbortSignal): Promise<void> {
    for (const name of replicas.silent(clock.now(), GARBAGE_MS)) {
      try {
        await home.client.delete(LEASE, { name, namespace }, { signal });
      } catch (error) {
        if (!(error instanceof KubeError) || signal.aborted) throw error;
        if (!error.isNotFound)
          log.debug({ error: messageOf(error), lease: name }, 'cannot delete the lease of a dead replica');
      }
      replicas.gone(name);
    }
  }

  async function tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      changed();
      await sweep(signal);
      await clock.sleep(TICK_MS, signal).catch(() => undefined); // ends only by the abort that the loop looks at
    }
  }

  async function giveUp(): Promise<void> {
    isClosing = true;
    const stopped = update();
    await Promise.race([stopped, clock.sleep(STOP_MS, new AbortController().signal)]).catch((error: unknown) =>
      log.error({ error: messageOf(error) }, 'not everything stopped cleanly'),
    );
    await lease.release();
  }

  return {
    get owned() {
      return owned;
    },
    setPeers(next) {
      peers = new Set(next);
      changed();
    },
    on(handler) {
      handlers.add(handler);
      return { [Symbol.dispose]: () => void handlers.delete(handler) };
    },
    async run(signal) {
      const informer = home.informer<Lease>(LEASE, { namespace, labelSelector: REPLICA_SELECTOR });
      informer.onError((error) => log.debug({ error: messageOf(error) }, 'watch of replica leases'));
      informer.on((old, current) => {
        const name = (current ?? old)?.metadata.name ?? '';
        if (current === undefined) replicas.gone(name);
        else replicas.seen(name, leaseOf(current), clock.now());
        changed();
      });
      const group = new TaskGroup(signal);
      group.start('replica-lease', (inner) => lease.run(inner));
      group.start('replica-leases', (inner) => informer.run(inner));
      group.start('replica-shares', async (inner) => {
        // Before the others are known everything would look like ours.
        await informer.synced;
        await tick(inner);
      });
      try {
        await group.settled;
      } finally {
        await giveUp();
      }
    },
  };
}

function leaseOf(lease: Lease): { holder: string; renewal: string } {
  return { holder: lease.spec?.holderIdentity ?? '', renewal: String(lease.spec?.renewTime ?? '') };
}
