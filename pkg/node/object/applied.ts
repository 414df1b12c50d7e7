import type { Node } from '#pkg/kube';

/**
 * What we put on the Node last, kept in annotations of it: the only way to tell a label, taint or amount of ours that
 * is no longer wanted from one that somebody else added (NODE-02, NODE-04).
 */
export const APPLIED_ANNOTATION = {
  /** JSON `{labels: string[], taints: string[]}`; taints as `key:effect`. Written together with labels and taints. */
  metadata: 'tombolo.io/applied',
  /** JSON array of resource names. Written together with the status. */
  resources: 'tombolo.io/applied-resources',
} as const;

export interface AppliedMetadata {
  readonly labels: readonly string[];
  readonly taints: readonly string[];
}

export function appliedMetadata(node: Node): AppliedMetadata {
  const value = parse(node.metadata.annotations?.[APPLIED_ANNOTATION.metadata]);
  const fields = typeof value === 'object' && value !== null ? (value as Partial<Record<string, unknown>>) : {};
  return { labels: strings(fields['labels']), taints: strings(fields['taints']) };
}

export function appliedResources(node: Node): string[] {
  return strings(parse(node.metadata.annotations?.[APPLIED_ANNOTATION.resources]));
}

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // Edited by hand into something else: nothing counts as ours, so nothing is removed, and it is written anew.
    return undefined;
  }
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}
