/** Node selector terms as the scheduler reads them: terms are OR, what stands in one term is AND. */

export interface NodeRequirement {
  key: string;
  operator: string;
  values?: string[];
}

export interface NodeTerm {
  matchExpressions?: NodeRequirement[];
  matchFields?: NodeRequirement[];
}

/** Label by which every virtual node is known, ours and those of other products alike. */
const TYPE = { key: 'type', values: ['virtual-kubelet'] } as const;

export const VIRTUAL: NodeRequirement = { key: TYPE.key, operator: 'In', values: [...TYPE.values] };
/** Also true of nodes that have no `type` at all. */
export const NOT_VIRTUAL: NodeRequirement = { key: TYPE.key, operator: 'NotIn', values: [...TYPE.values] };

/**
 * The terms for "one of `existing` AND one of `added`": the cross product. An existing term that already implies one of
 * the added ones stays as it is, so merging twice changes nothing more (REF-18). `matchFields` are kept.
 * @param existing undefined where the pod has no required terms: then `added` alone counts
 */
export function mergeTerms(existing: readonly NodeTerm[] | undefined, added: readonly NodeTerm[]): NodeTerm[] {
  if (existing === undefined) return [...added];
  return existing.flatMap((term) =>
    matchesNothing(term) || added.some((other) => implies(term, other))
      ? [term]
      : added.map((other) => conjunction(term, other)),
  );
}

/** Kubernetes: an empty term matches no node. Adding requirements to it would make it match some. */
function matchesNothing(term: NodeTerm): boolean {
  return (term.matchExpressions ?? []).length === 0 && (term.matchFields ?? []).length === 0;
}

/** Whether every requirement of `other` stands in `term` literally. */
function implies(term: NodeTerm, other: NodeTerm): boolean {
  return (other.matchExpressions ?? []).every((requirement) => hasRequirement(term, requirement));
}

function conjunction(term: NodeTerm, other: NodeTerm): NodeTerm {
  const missing = (other.matchExpressions ?? []).filter((requirement) => !hasRequirement(term, requirement));
  return { ...term, matchExpressions: [...(term.matchExpressions ?? []), ...missing] };
}

function hasRequirement(term: NodeTerm, wanted: NodeRequirement): boolean {
  return (term.matchExpressions ?? []).some(
    (have) =>
      have.key === wanted.key &&
      have.operator === wanted.operator &&
      sameValues(have.values ?? [], wanted.values ?? []),
  );
}

function sameValues(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value) => b.includes(value));
}
