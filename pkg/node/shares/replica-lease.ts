import { LABEL } from '#pkg/api';
import { isNotFound, type KubeClient, KubeError, LEASE, type Lease, microTime } from '#pkg/kube';
import { type Clock, type Log, messageOf } from '#pkg/runtime';

/** A replica whose lease did not change for this long is dead to the others. */
export const LEASE_MS = 6_000;
/** A replica that could not renew for this long gives up its peers, 2 s before the others take them. */
const RENEW_DEADLINE_MS = 4_000;
const RENEW_MS = 1_000;
/** What the leases of kubelet replicas are found by. */
export const REPLICA_SELECTOR = `${LABEL.component}=kubelet`;

export interface ReplicaLeaseOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** UID of the pod: a container that restarts in it goes on under the same lease. */
  readonly identity: string;
  /** Told after each renewal. */
  readonly onRenewed: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** The lease by which the other replicas know that this one lives. */
export interface OwnLease {
  readonly name: string;
  /** Whether it was renewed within the renew deadline, counted from before the request went out. */
  isHeld(): boolean;
  /** Renews every second until `signal` aborts; does not release. */
  run(signal: AbortSignal): Promise<void>;
  /** Deletes it, so that the others take over at once. Safe when it is gone already. */
  release(): Promise<void>;
}

export function ownLease(options: ReplicaLeaseOptions): OwnLease {
  const { client, namespace, identity, clock, log } = options;
  const name = `tombolo-kubelet-${identity}`;
  const ref = { name, namespace };
  let heldSinceMs = Number.NEGATIVE_INFINITY;

  async function renew(signal: AbortSignal): Promise<void> {
    const startedAtMs = clock.now();
    const limit = AbortSignal.any([signal, AbortSignal.timeout(RENEW_DEADLINE_MS / 2)]);
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_MS / 1000,
      renewTime: microTime(clock.wall()),
    };
    try {
      await client.patch<Lease>(LEASE, ref, { spec }, { type: 'merge', signal: limit });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const labels = { [LABEL.component]: 'kubelet', 'app.kubernetes.io/managed-by': 'tombolo' };
      await client.create<Lease>(LEASE, { metadata: { ...ref, labels }, spec }, { signal: limit });
    }
    heldSinceMs = startedAtMs;
    options.onRenewed();
  }

  return {
    name,
    isHeld: () => clock.now() - heldSinceMs < RENEW_DEADLINE_MS,
    async run(signal) {
      while (!signal.aborted) {
        try {
          await renew(signal);
        } catch (error) {
          if (signal.aborted) return;
          log.warn({ error: messageOf(error), lease: name }, 'cannot renew the lease of this replica');
        }
        await clock.sleep(RENEW_MS, signal).catch(() => undefined); // ends only by the abort that the loop looks at
      }
    },
    async release() {
      heldSinceMs = Number.NEGATIVE_INFINITY;
      try {
        await client.delete(LEASE, ref, { signal: AbortSignal.timeout(RENEW_DEADLINE_MS / 2) });
      } catch (error) {
        if (error instanceof KubeError && error.isNotFound) return;
        log.warn(
          { error: messageOf(error), lease: name },
          'cannot release the lease of this replica; the others wait until it ends',
        );
      }
    },
  };
}
