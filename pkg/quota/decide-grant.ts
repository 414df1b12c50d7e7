import type { GrantSpec, GrantStatus, ResourceList } from '#pkg/api';
import type { Node } from '#pkg/kube';
import {
  addAmounts,
  type Amounts,
  formatAmounts,
  limitAmounts,
  parseAmounts,
  subtractAmounts,
  ZERO,
} from '#pkg/quantity';

/** What a consumer gets that names nothing (NODE-30). */
export const DEFAULT_REQUEST: ResourceList = { cpu: '4', memory: '8Gi', 'ephemeral-storage': '20Gi', pods: '110' };

/** Labels of provider nodes that a virtual node shows by default; others by allow-list only (they may tell too much). */
const IMPORTED_LABELS = [
  /^topology\.kubernetes\.io\//,
  /^kubernetes\.io\/(arch|os)$/,
  /^node\.kubernetes\.io\/instance-type$/,
];

export interface GrantFacts {
  /** Eligible nodes of the provider. */
  readonly nodes: readonly Node[];
  /** Most that this consumer may have over all its grants; undefined = no limit. */
  readonly limits: Amounts | undefined;
  /** What its other grants have. */
  readonly grantedElsewhere: Amounts;
  /** What this grant has in use. */
  readonly used: Amounts;
  /** What pods on the eligible nodes ask for, of whomever. */
  readonly placed: Amounts;
  /** Further labels to import, exact keys. */
  readonly importLabels: readonly string[];
}

/** The part of the status that is computed; conditions are added by the reconciler. */
export interface GrantDecision {
  readonly granted: Record<string, string>;
  readonly used: Record<string, string>;
  readonly free: Record<string, string>;
  /** Keys that were asked for and that no eligible node has, sorted. */
  readonly missing: string[];
  readonly node: NonNullable<GrantStatus['node']>;
}

/**
 * What the consumer gets: what it asks for, at most its limit less its other grants, at most what the eligible nodes have
 * together. Keys that no eligible node has are left out and named. Pure.
 * @throws QuantityError where the request holds a text that is no quantity
 */
export function decideGrant(spec: GrantSpec, facts: GrantFacts): GrantDecision {
  const asked = parseAmounts({ ...DEFAULT_REQUEST, ...spec.requested });
  const allocatable = facts.nodes.reduce<Amounts>(
    (sum, node) => addAmounts(sum, parseAmounts(node.status?.allocatable)),
    new Map(),
  );
  // Without any node the consumer gets nothing of what it asked for, and its virtual node shows that.
  const hasNodes = facts.nodes.length > 0;
  const present = new Map(
    hasNodes ? [...asked].filter(([name]) => allocatable.has(name)) : [...asked.keys()].map((name) => [name, ZERO]),
  );
  const limited =
    facts.limits === undefined ? present : limitAmounts(present, subtractAmounts(facts.limits, facts.grantedElsewhere));
  const granted = limitAmounts(limited, allocatable);
  const free = subtractAmounts(allocatable, facts.placed);
  return {
    granted: formatAmounts(
      new Map([...granted].map(([name, amount]) => [name, amount < 0n ? ((0n * amount) as typeof amount) : amount])),
    ),
    used: formatAmounts(facts.used),
    free: formatAmounts(new Map([...free].filter(([name]) => granted.has(name)))),
    missing: hasNodes ? [...asked.keys()].filter((name) => !allocatable.has(name)).toSorted() : [],
    node: describeNodes(facts.nodes, facts.importLabels),
  };
}

/** What all nodes agree on; a label, architecture or system that differs is absent (NODE-03). */
function describeNodes(nodes: readonly Node[], importLabels: readonly string[]): NonNullable<GrantStatus['node']> {
  const [first, ...others] = nodes;
  if (first === undefined) return { nodes: 0 };
  const agreed = <T>(read: (node: Node) => T | undefined): T | undefined => {
    const value = read(first);
    return value !== undefined && others.every((node) => read(node) === value) ? value : undefined;
  };
  const isImported = (key: string) =>
    IMPORTED_LABELS.some((pattern) => pattern.test(key)) || importLabels.includes(key);
  const labels = Object.fromEntries(
    Object.keys(first.metadata.labels ?? {})
      .filter((key) => isImported(key) && agreed((node) => node.metadata.labels?.[key]) !== undefined)
      .toSorted()
      .map((key) => [key, first.metadata.labels?.[key] ?? '']),
  );
  const architecture = agreed((node) => node.status?.nodeInfo?.architecture);
  const operatingSystem = agreed((node) => node.status?.nodeInfo?.operatingSystem);
  const kubeletVersion = nodes.map((node) => node.status?.nodeInfo?.kubeletVersion ?? '').toSorted()[0];
  return {
    labels,
    nodes: nodes.length,
    ...(kubeletVersion !== undefined && kubeletVersion !== '' && { kubeletVersion }),
    ...(architecture !== undefined && { architecture }),
    ...(operatingSystem !== undefined && { operatingSystem }),
  };
}
