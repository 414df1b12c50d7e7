import type { Placement } from '#pkg/api';
import { matchesRequirement, type Node, type NodeSelectorRequirement } from '#pkg/kube';

interface SelectorTerm {
  readonly matchExpressions?: readonly NodeSelectorRequirement[];
  readonly matchFields?: readonly NodeSelectorRequirement[];
}

function matchesTerm(node: Node, term: SelectorTerm): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((entry) => matchesRequirement(node.metadata.labels?.[entry.key], entry)) &&
    matchFields.every((entry) => entry.key === 'metadata.name' && matchesRequirement(node.metadata.name, entry))
  );
}

function toleratesTaints(node: Node, tolerations: NonNullable<Placement['tolerations']>): boolean {
  const hard = (node.spec?.taints ?? []).filter((taint) => taint.effect !== 'PreferNoSchedule');
  return hard.every((taint) =>
    tolerations.some(
      (toleration) =>
        (toleration.effect === undefined || toleration.effect === '' || toleration.effect === taint.effect) &&
        (toleration.key === undefined || toleration.key === '' || toleration.key === taint.key) &&
        (toleration.operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? '')),
    ),
  );
}

export function isReadyNode(node: Node): boolean {
  return node.status?.conditions?.some((entry) => entry.type === 'Ready' && entry.status === 'True') ?? false;
}

/**
 * Nodes that count for a grant: Ready, not cordoned, allowed by the placement, and not virtual themselves, so that
 * capacity which is borrowed is never lent on.
 */
export function eligibleNodes(nodes: readonly Node[], placement: Placement | undefined): Node[] {
  const selector = Object.entries(placement?.nodeSelector ?? {});
  const affinity = placement?.nodeAffinity as
    | { requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms?: readonly SelectorTerm[] } }
    | undefined;
  const terms = affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return nodes.filter(
    (node) =>
      isReadyNode(node) &&
      node.spec?.unschedulable !== true &&
      node.metadata.labels?.['type'] !== 'virtual-kubelet' &&
      selector.every(([key, value]) => node.metadata.labels?.[key] === value) &&
      (terms === undefined || terms.some((term) => matchesTerm(node, term))) &&
      toleratesTaints(node, placement?.tolerations ?? []),
  );
}
