import { type Informer, isNotFound, KubeError, type KubeClient, NODE, type Node } from '#pkg/kube';
import { type Clock, done, type Log, type Reconciler, type ReconcileResult, requeueAfter } from '#pkg/runtime';
import { NodeError } from '../errors.ts';
import { APPLIED_ANNOTATION } from './applied.ts';
import type { DesiredNode } from './desired-node.ts';
import { appliedValue, planMetadata } from './plan-metadata.ts';
import { appliedResourcesValue, HEARTBEAT_MS, newStatus, planStatus } from './plan-status.ts';
import { isOwnNode } from './provider-id.ts';

/** Somebody who undoes our writes for ever costs at most one write in this time (NODE-07). */
const REPAIR_MS = 10_000;
/** A Node of somebody else under our name: look again this often. */
const TAKEN_RECHECK_MS = 30_000;

const STALE_RETRY_MS = 1_000;

export interface NodeKeeperOptions {
  readonly client: KubeClient;
  /** Holds at least the Node of that name; synced. */
  readonly nodes: Informer<Node>;
  /** The Node as it should be now; undefined while there is nothing to show yet or no more. */
  readonly desired: () => DesiredNode | undefined;
  /** Asked before a Node is created, from the API and not from a cache: it must not come back while it is removed. */
  readonly mayCreate: (signal: AbortSignal) => Promise<boolean>;
  readonly peer: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Keeps one Node object: creates it by POST, repairs what is ours, leaves what is not. A change of `desired` is
 * written at once, a change that others made at most every 10 s. The key of the queue is the node's name.
 */
export function nodeKeeper(options: NodeKeeperOptions): Reconciler {
  const { client, nodes, clock, log, peer } = options;
  let written: string | undefined;
  let writtenAt = Number.NEGATIVE_INFINITY;

  /** 0 when a write may go out now, else how long it has to wait. */
  function waitBeforeWrite(desired: DesiredNode): number {
    if (written !== undefined && written !== JSON.stringify(desired)) return 0;
    return Math.max(0, writtenAt + REPAIR_MS - clock.now());
  }

  async function create(desired: DesiredNode, signal: AbortSignal): Promise<void> {
    log.info({ node: desired.name }, 'creates the node');
    await client.create<Node>(NODE, newNode(desired, clock.wall()), { signal });
  }

  async function write(node: Node, desired: DesiredNode, signal: AbortSignal): Promise<number> {
    const ref = { name: desired.name };
    const metadata = planMetadata(node, desired);
    const status = planStatus(node, desired, clock.wall());
    if (metadata.length === 0 && status === undefined) return 0;
    const wait = status?.isHeartbeatOnly && metadata.length === 0 ? 0 : waitBeforeWrite(desired);
    if (wait > 0) return wait;
    // Remembered before the writes: a cache that has not seen them yet must not make us write them again.
    written = JSON.stringify(desired);
    writtenAt = clock.now();
    try {
      if (status !== undefined) {
        await client.patch<Node>(NODE, ref, status.body, { type: 'strategic', subresource: 'status', signal });
      }
      if (metadata.length > 0) await client.patch<Node>(NODE, ref, metadata, { type: 'json', signal });
    } catch (error) {
      writtenAt = Number.NEGATIVE_INFINITY;
      // A `test` did not hold: somebody changed it meanwhile, and the cache will show it in a moment.
      if (error instanceof KubeError && (error.isInvalid || error.isConflict)) return STALE_RETRY_MS;
      throw error;
    }
    return 0;
  }

  /** The Node that is there after all, or undefined when it was created. */
  async function createOrGet(desired: DesiredNode, signal: AbortSignal): Promise<Node | undefined> {
    const before = { written, writtenAt };
    written = JSON.stringify(desired);
    writtenAt = clock.now();
    try {
      await create(desired, signal);
      return undefined;
    } catch (error) {
      ({ written, writtenAt } = before);
      if (error instanceof KubeError && error.isAlreadyExists) return existing(client, desired.name, signal);
      throw error;
    }
  }

  return {
    name: 'node',
    async reconcile(name, signal): Promise<ReconcileResult> {
      const desired = options.desired();
      if (desired === undefined) return done;
      let node = nodes.get(name);
      if (node === undefined) {
        const wait = waitBeforeWrite(desired);
        if (wait > 0) return requeueAfter(wait);
        if (!(await options.mayCreate(signal))) return done;
        node = await createOrGet(desired, signal);
        if (node === undefined) return requeueAfter(HEARTBEAT_MS);
      }
      if (!isOwnNode(node, peer)) {
        log.error({ error: nameTaken(name, node).message }, 'leaves a node of somebody else alone');
        return requeueAfter(TAKEN_RECHECK_MS);
      }
      const wait = await write(node, desired, signal);
      return requeueAfter(wait > 0 ? wait : HEARTBEAT_MS);
    },
  };
}

async function existing(client: KubeClient, name: string, signal: AbortSignal): Promise<Node | undefined> {
  try {
    return await client.get<Node>(NODE, { name }, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function nameTaken(name: string, node: Node): NodeError {
  return new NodeError('NodeNameTaken', {
    attempted: 'keep the Node of a virtual node',
    where: `Node ${name}`,
    why: `it exists and is not ours (providerID ${node.spec?.providerID ?? 'absent'})`,
  });
}

function newNode(desired: DesiredNode, now: Date): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: desired.name,
      labels: { ...desired.labels },
      annotations: {
        [APPLIED_ANNOTATION.metadata]: appliedValue(desired),
        [APPLIED_ANNOTATION.resources]: appliedResourcesValue(desired),
      },
    },
    spec: { providerID: desired.providerID, taints: [...desired.taints] },
    status: newStatus(desired, now) as NonNullable<Node['status']>,
  };
}
