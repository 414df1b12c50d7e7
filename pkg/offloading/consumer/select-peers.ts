import type { SelectorTerm, VirtualNode } from '#pkg/api';
import type { Node } from '#pkg/kube';
import { matchesSelector } from '../selector.ts';

/** `Wanted`: gets a twin. `Kept`: keeps the one it has, but gets no new one. */
export type Selection = 'Wanted' | 'Kept';

/**
 * Peers that a selector chooses, by the labels of their virtual nodes (REF-07). Pure.
 * @param selector undefined = all peers that have a virtual node
 * @param nodeOf the Node of a virtual node; labels that others put on it count too
 */
export function selectPeers(
  selector: readonly SelectorTerm[] | undefined,
  virtualNodes: readonly VirtualNode[],
  nodeOf: (name: string) => Node | undefined,
): Map<string, Selection> {
  const selected = new Map<string, Selection>();
  for (const virtualNode of virtualNodes) {
    const { peer } = virtualNode.spec;
    const selection = selectionOf(selector, virtualNode, nodeOf(virtualNode.metadata.name));
    if (selection === 'Wanted' || (selection === 'Kept' && !selected.has(peer))) selected.set(peer, selection);
  }
  return selected;
}

function selectionOf(
  selector: readonly SelectorTerm[] | undefined,
  virtualNode: VirtualNode,
  node: Node | undefined,
): Selection | undefined {
  // While it drains its pods still need their twin; a new one would be made for nothing.
  const ifMatching: Selection = virtualNode.metadata.deletionTimestamp === undefined ? 'Wanted' : 'Kept';
  if (selector === undefined) return ifMatching;
  if (node !== undefined) return matchesSelector(selector, node.metadata.labels ?? {}) ? ifMatching : undefined;
  // No Node yet, or somebody deleted it (NODE-06): a namespace must not shrink until it is back with all its labels.
  return matchesSelector(selector, expectedLabels(virtualNode)) ? ifMatching : 'Kept';
}

/** Labels that the Node will have, as far as they are known without it. */
function expectedLabels(virtualNode: VirtualNode): Record<string, string> {
  const { name } = virtualNode.metadata;
  return {
    ...virtualNode.status?.node?.labels,
    ...virtualNode.spec.labels,
    type: 'virtual-kubelet',
    'kubernetes.io/hostname': name,
    'tombolo.io/peer': virtualNode.spec.peer,
  };
}
