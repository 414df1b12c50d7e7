import { isDeepStrictEqual } from 'node:util';
import type { Informer } from './informer-interface.ts';
import type { Node } from './types.ts';

/** What of a node is seldom read and often written, or large: its images and the times of its heartbeats. For an informer's `transform`. */
export function trimNode(node: Node): Node {
  const { status } = node;
  if (status === undefined) return node;
  const { images: _images, conditions, ...kept } = status;
  const standing = conditions?.map(({ lastHeartbeatTime: _time, ...condition }) => condition);
  return { ...node, status: { ...kept, ...(standing !== undefined && { conditions: standing }) } };
}

/**
 * Events of nodes that say something new. A kubelet reports at least every five minutes that nothing has changed, many
 * do so far more often: a thousand nodes are some events per second.
 * @param nodes with `trimNode` as `transform`
 */
export function withoutHeartbeats(nodes: Pick<Informer<Node>, 'on'>): Pick<Informer<Node>, 'on'> {
  return {
    on: (handler) =>
      nodes.on((old, current, isInitial) => {
        if (old === undefined || current === undefined || !isSame(old, current)) handler(old, current, isInitial);
      }),
  };
}

function isSame(old: Node, current: Node): boolean {
  const { resourceVersion: _old, ...before } = old.metadata;
  const { resourceVersion: _current, ...after } = current.metadata;
  return isDeepStrictEqual({ ...old, metadata: before }, { ...current, metadata: after });
}
