import { CONDITION } from '#pkg/api';
import { type KubeClient, NODE, type Node } from '#pkg/kube';
import { isCodedError, messageOf } from '#pkg/runtime';

/** What a Node says while its agent cannot connect it. */
export interface NodeProblem {
  /** Code of the error: also the reason of the condition. */
  readonly reason: string;
  readonly message: string;
}

export function problemOf(error: unknown): NodeProblem {
  return { reason: isCodedError(error) ? error.code : 'AgentFailed', message: messageOf(error) };
}

/**
 * Body of a strategic merge patch of a Node's status that makes the condition `tombolo.io/NetworkUnavailable` say `problem`, or
 * go where there is none: a node without a problem carries nothing of ours. Pure.
 * @returns undefined where the Node says so already
 */
export function problemPatch(
  { metadata, status }: Node,
  problem: NodeProblem | undefined,
  now: Date,
): object | undefined {
  const type = CONDITION.networkUnavailable;
  const standing = status?.conditions?.find((condition) => condition.type === type);
  const body = (condition: object) => ({
    metadata: { uid: metadata.uid },
    status: { conditions: [{ type, ...condition }] },
  });
  if (problem === undefined) return standing === undefined ? undefined : body({ $patch: 'delete' });
  if (standing?.reason === problem.reason && standing.message === problem.message) return undefined;
  const time = `${now.toISOString().slice(0, 19)}Z`;
  const lastTransitionTime = standing?.lastTransitionTime ?? time;
  return body({ status: 'True', ...problem, lastTransitionTime, lastHeartbeatTime: time });
}

/** Makes the Node say what is wrong, or nothing. Idempotent. @throws KubeError */
export async function writeProblem(
  client: KubeClient,
  node: Node,
  problem: NodeProblem | undefined,
  now: Date,
  signal: AbortSignal,
): Promise<void> {
  const body = problemPatch(node, problem, now);
  if (body === undefined) return;
  await client.patch<Node>(NODE, { name: node.metadata.name }, body, {
    type: 'strategic',
    subresource: 'status',
    signal,
  });
}
