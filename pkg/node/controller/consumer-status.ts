import {
  type Condition,
  type Grant,
  getCondition,
  type ResourceList,
  setCondition,
  type VirtualNode,
  type VirtualNodeStatus,
} from '#pkg/api';

/** Conditions of a VirtualNode that the controller writes; the kubelet process writes `Ready`. */
const CONTROLLER_CONDITIONS = ['Granted', 'Capacity', 'Draining'] as const;

/** What is known about the Grant of a virtual node. */
export type GrantView =
  | { readonly state: 'NotConnected' }
  | { readonly state: 'Unread'; readonly where: string }
  | { readonly state: 'Refused'; readonly why: string }
  | { readonly state: 'Asked' }
  | { readonly state: 'Known'; readonly grant: Grant };

/**
 * The part of a VirtualNode's status that the controller owns. While the provider cannot be asked, the last amounts
 * stay: the node must not shrink because a link is down.
 */
export function consumerStatus(virtualNode: VirtualNode, view: GrantView, now: Date): VirtualNodeStatus {
  const conditions = grantConditions(virtualNode, view, now);
  const observed =
    virtualNode.metadata.generation === undefined ? {} : { observedGeneration: virtualNode.metadata.generation };
  if (view.state !== 'Known') return { ...amounts(virtualNode.status ?? {}), ...observed, conditions };
  const { status, spec } = view.grant;
  return {
    ...amounts({ ...status, ...(spec.cordoned === undefined ? {} : { cordoned: spec.cordoned }) }),
    ...observed,
    conditions,
  };
}

/** The same with `used` and `free` left out: what changes with every pod and need not be copied at once. */
export function withoutUsage(status: VirtualNodeStatus): VirtualNodeStatus {
  const { used: _used, free: _free, ...rest } = status;
  return rest;
}

/** The controller's part of a status as it is stored, in the shape of `consumerStatus`. */
export function storedConsumerStatus(virtualNode: VirtualNode): VirtualNodeStatus {
  const status = virtualNode.status ?? {};
  const { observedGeneration } = status;
  return {
    ...amounts(status),
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    conditions: ownConditions(status.conditions),
  };
}

/**
 * Empty maps are left out: server-side apply turns a map whose last key goes into `null`, which the schema refuses, and
 * then nothing at all would be copied any more (seen on 1.35; kubernetes#85127 is its like).
 */
function amounts(status: VirtualNodeStatus): VirtualNodeStatus {
  const { granted, used, free, cordoned, missing, node, offers } = status;
  return {
    ...(isEmpty(granted) ? {} : { granted }),
    ...(isEmpty(used) ? {} : { used }),
    ...(isEmpty(free) ? {} : { free }),
    ...(cordoned === undefined ? {} : { cordoned }),
    ...(missing === undefined ? {} : { missing }),
    ...(node === undefined ? {} : { node: withoutEmptyLabels(node) }),
    ...(offers === undefined ? {} : { offers }),
  };
}

function withoutEmptyLabels({
  labels,
  ...node
}: NonNullable<VirtualNodeStatus['node']>): typeof node & { labels?: Record<string, string> } {
  return isEmpty(labels) ? node : { ...node, labels };
}

function ownConditions(conditions: readonly Condition[] | undefined): Condition[] {
  return (conditions ?? []).filter((entry) => CONTROLLER_CONDITIONS.some((type) => type === entry.type));
}

function grantConditions(virtualNode: VirtualNode, view: GrantView, now: Date): Condition[] {
  const own = ownConditions(virtualNode.status?.conditions);
  const { peer } = virtualNode.spec;
  const withGranted = (status: Condition['status'], reason: string, message: string) =>
    setCondition(own, { type: 'Granted', status, reason, message }, now);
  switch (view.state) {
    case 'NotConnected':
      return keepGranted(own) ?? withGranted('Unknown', 'PeerNotConnected', `waits until peer ${peer} is connected`);
    case 'Unread':
      return (
        keepGranted(own) ?? withGranted('Unknown', 'ProviderUnreachable', `cannot read the grant at ${view.where} yet`)
      );
    case 'Refused':
      return withGranted('False', 'GrantRefused', view.why);
    case 'Asked':
      return withGranted('Unknown', 'WaitingForProvider', `asked peer ${peer} and waits for its answer`);
    case 'Known':
      return knownGrant(own, peer, view.grant, now);
  }
}

/** What the provider said last is worth more than that it cannot be asked now: `Ready` tells about the link. */
function keepGranted(own: Condition[]): Condition[] | undefined {
  return getCondition(own, 'Granted') === undefined ? undefined : own;
}

function knownGrant(own: Condition[], peer: string, grant: Grant, now: Date): Condition[] {
  const { status } = grant;
  const there = getCondition(status?.conditions, 'Granted');
  const capacity = getCondition(status?.conditions, 'Capacity');
  let next = own;
  if (there?.status === 'False') {
    next = setCondition(next, { type: 'Granted', status: 'False', reason: there.reason, message: there.message }, now);
  } else if (status?.granted === undefined) {
    const message = `asked peer ${peer} and waits for its answer`;
    next = setCondition(next, { type: 'Granted', status: 'Unknown', reason: 'WaitingForProvider', message }, now);
  } else {
    const message = grantedSentence(peer, status.granted, status.missing ?? []);
    next = setCondition(next, { type: 'Granted', status: 'True', reason: 'Granted', message }, now);
  }
  if (capacity === undefined) return next.filter((entry) => entry.type !== 'Capacity');
  const { status: has, reason, message } = capacity;
  return setCondition(next, { type: 'Capacity', status: has, reason, message }, now);
}

function grantedSentence(peer: string, granted: ResourceList, missing: readonly string[]): string {
  const list = Object.entries(granted)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([key, amount]) => `${key} ${amount}`);
  const lacks = missing.length === 0 ? '' : `; no node there has ${missing.join(', ')}`;
  return `peer ${peer} grants ${list.length === 0 ? 'nothing' : list.join(', ')}${lacks}`;
}

function isEmpty(map: object | undefined): map is undefined {
  return map === undefined || Object.keys(map).length === 0;
}
