import type { VirtualNode } from '#pkg/api';
import type { Node } from '#pkg/kube';
import { isOwnNode, isVirtualNode } from '../object/provider-id.ts';

/**
 * Why a VirtualNode of that name must not be made, or undefined when it may (NODE-05). For the admission webhook.
 * @param node the Node of the same name, undefined where there is none
 */
export function denyVirtualNodeName(
  virtualNode: Pick<VirtualNode, 'metadata' | 'spec'>,
  node: Node | undefined,
): string | undefined {
  if (node === undefined) return undefined;
  const { name } = virtualNode.metadata;
  if (isOwnNode(node, virtualNode.spec.peer)) return undefined;
  const what = isVirtualNode(node)
    ? `belongs to another virtual node (${node.spec?.providerID})`
    : 'is not one of Tombolo';
  return `make VirtualNode ${name}: Node ${name} exists and ${what}; choose another name`;
}
