import type { Node } from '#pkg/kube';

/** `spec.providerID` of a virtual node: the mark that a Node is ours. Immutable once set. */
export function providerId(peer: string, nodeName: string): string {
  return `tombolo://${peer}/${nodeName}`;
}

/** Whether `node` is the Node of exactly this virtual node. Everything else is never changed or deleted. */
export function isOwnNode(node: Node, peer: string): boolean {
  return node.spec?.providerID === providerId(peer, node.metadata.name);
}

/** Whether `node` is a virtual node of any peer. */
export function isVirtualNode(node: Node): boolean {
  const id = node.spec?.providerID ?? '';
  return id.startsWith('tombolo://') && id.endsWith(`/${node.metadata.name}`);
}
