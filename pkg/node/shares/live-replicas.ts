/** A lease of a replica, as it is stored. */
interface ReplicaLease {
  /** Identity of the replica. */
  readonly holder: string;
  /** Whatever changes with every renewal; compared for equality only. */
  readonly renewal: string;
}

/**
 * Which replicas live, judged by our own monotonic clock since we last saw a lease change: the clocks of two machines
 * differ, and the time inside a lease is one of the other machine.
 */
export interface LiveReplicas {
  /** A lease as seen now. */
  seen(name: string, lease: ReplicaLease, nowMs: number): void;
  /** A lease that was deleted: released, not expired. */
  gone(name: string): void;
  /**
   * So long nothing could be seen: it counts for nobody's silence. Without it the first replica that is back after an outage
   * of the API server believes that all others are dead.
   */
  unseen(forMs: number, nowMs: number): void;
  /** Identities whose lease changed within the lease duration; sorted. */
  live(nowMs: number): string[];
  /** Names of leases that have been silent for at least so long. */
  silent(nowMs: number, forMs: number): string[];
}

export function liveReplicas(options: { durationMs: number }): LiveReplicas {
  const entries = new Map<string, ReplicaLease & { changedAtMs: number }>();
  return {
    seen(name, lease, nowMs) {
      const old = entries.get(name);
      const isSame = old?.renewal === lease.renewal && old.holder === lease.holder;
      entries.set(name, { ...lease, changedAtMs: isSame ? old.changedAtMs : nowMs });
    },
    gone(name) {
      entries.delete(name);
    },
    unseen(forMs, nowMs) {
      for (const [name, entry] of entries) {
        entries.set(name, { ...entry, changedAtMs: Math.min(nowMs, entry.changedAtMs + forMs) });
      }
    },
    live(nowMs) {
      const live = [...entries.values()].filter(
        ({ holder, changedAtMs }) => holder !== '' && nowMs - changedAtMs < options.durationMs,
      );
      return [...new Set(live.map(({ holder }) => holder))].sort();
    },
    silent(nowMs, forMs) {
      return [...entries].filter(([, { changedAtMs }]) => nowMs - changedAtMs >= forMs).map(([name]) => name);
    },
  };
}
