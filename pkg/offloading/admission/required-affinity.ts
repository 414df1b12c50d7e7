import { mergeTerms, type NodeTerm } from './node-terms.ts';
import type { JsonPatchStep } from './review.ts';

/** The part of a pod spec that holds its node affinity. */
export interface AffinityHolder {
  readonly affinity?:
    | {
        readonly nodeAffinity?:
          | { readonly requiredDuringSchedulingIgnoredDuringExecution?: { readonly nodeSelectorTerms: NodeTerm[] } }
          | undefined;
      }
    | null
    | undefined;
}

/**
 * Patch that adds `added` to the required node affinity of the pod spec at `path`. Preferred terms, pod affinity and
 * nodeSelector are not touched. Empty where nothing changes.
 * @param path JSON pointer of the pod spec: `/spec`, `/spec/template/spec`
 */
export function requireTerms(spec: AffinityHolder, added: readonly NodeTerm[], path: string): JsonPatchStep[] {
  const existing = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const nodeSelectorTerms = mergeTerms(existing, added);
  if (existing !== undefined && JSON.stringify(existing) === JSON.stringify(nodeSelectorTerms)) return [];
  const required = { nodeSelectorTerms };
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: required };
  if (spec.affinity === undefined || spec.affinity === null) {
    return [{ op: 'add', path: `${path}/affinity`, value: { nodeAffinity } }];
  }
  if (spec.affinity.nodeAffinity === undefined) {
    return [{ op: 'add', path: `${path}/affinity/nodeAffinity`, value: nodeAffinity }];
  }
  const at = `${path}/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution`;
  return [{ op: 'add', path: at, value: required }];
}
