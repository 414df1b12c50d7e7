import { isNotFound, type KubeClient, LEASE, type Lease, microTime, type Node } from '#pkg/kube';
import { type Clock, decorrelatedJitter, type Log, messageOf } from '#pkg/runtime';

export const NODE_LEASE_NAMESPACE = 'kube-node-lease';
/** As a real kubelet: 40 s long, renewed every quarter of it. */
const DURATION_SECONDS = 40;
const RENEW_MS = 10_000;

export interface NodeLeaseOptions {
  readonly client: KubeClient;
  /** The Node as cached; the lease waits until it exists, and is owned by it. */
  readonly node: () => Node | undefined;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Renews the heartbeat lease of the node until `signal` aborts, whatever the state of the provider: it says that we
 * are alive, `Ready` says whether the provider is (NODE-13).
 */
export async function keepNodeLease(options: NodeLeaseOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, nodeName } = options;
  // Three tries in one renewal period, so that a single lost answer never costs a whole period.
  const backoff = decorrelatedJitter({ minMs: 500, maxMs: 3_000 });
  let owner: string | undefined;
  while (!signal.aborted) {
    let waitMs = RENEW_MS;
    const node = options.node();
    if (node === undefined) {
      waitMs = 500;
    } else {
      try {
        await renew(options, node, owner, signal);
        owner = node.metadata.uid;
        backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ error: messageOf(error), node: nodeName }, 'cannot renew the node lease');
        waitMs = backoff.next();
      }
    }
    await clock.sleep(waitMs, signal).catch(() => undefined); // ends only by the abort that the loop looks at
  }
}

async function renew(options: NodeLeaseOptions, node: Node, owner: string | undefined, signal: AbortSignal) {
  const { client, clock, nodeName } = options;
  const { uid } = node.metadata;
  const ownerReferences = uid === undefined ? [] : [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }];
  const spec = {
    holderIdentity: nodeName,
    leaseDurationSeconds: DURATION_SECONDS,
    renewTime: microTime(clock.wall()),
  };
  const timed = AbortSignal.any([signal, AbortSignal.timeout(RENEW_MS / 2)]);
  const ref = { name: nodeName, namespace: NODE_LEASE_NAMESPACE };
  // A node that was made again has another UID, and the collector deletes what belongs to the old one.
  const body = owner === uid ? { spec } : { metadata: { ownerReferences }, spec };
  try {
    await client.patch<Lease>(LEASE, ref, body, { type: 'merge', signal: timed });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await client.create<Lease>(LEASE, { metadata: { ...ref, ownerReferences }, spec }, { signal: timed });
  }
}
