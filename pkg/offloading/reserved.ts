import { LABEL } from '#pkg/api';

/** Namespaces of the cluster itself and of Tombolo. */
const RESERVED_PREFIXES = ['kube-', 'tombolo-'] as const;

/** The part of a namespace that decides whether it may be offloaded. */
export interface NamespaceFacts {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Whether a namespace of that name belongs to the cluster or to Tombolo, on either side of a peering. */
export function isReservedName(name: string): boolean {
  return RESERVED_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** Why that namespace is never offloaded (REF-06, REF-31), in one sentence; undefined where it may be. */
export function whyReserved({ name, labels }: NamespaceFacts): string | undefined {
  if (isReservedName(name)) return `namespace ${name} is not offloaded: kube-* and tombolo-* belong to the cluster`;
  if (labels?.[LABEL.origin] !== undefined) {
    return `namespace ${name} is not offloaded: it is the twin of a namespace of another cluster`;
  }
  return undefined;
}

/** Whether the offload label is set; any other value than "true" counts as absent. */
export function hasOffloadLabel(labels: Readonly<Record<string, string>> | undefined): boolean {
  return labels?.[LABEL.offload] === 'true';
}
