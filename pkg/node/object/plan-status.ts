import { type Node, secondTime } from '#pkg/kube';
import { APPLIED_ANNOTATION, appliedResources } from './applied.ts';
import type { DesiredNode, NodeConditionState } from './desired-node.ts';
import { sameQuantity } from './same-quantity.ts';

/** As a real kubelet: conditions that did not change are confirmed this often (nodeStatusReportFrequency). */
export const HEARTBEAT_MS = 300_000;

interface StoredCondition extends NodeConditionState {
  lastHeartbeatTime: string;
  lastTransitionTime: string;
}

/** A strategic merge patch of `nodes/status`, and whether anything but heartbeats is in it. */
export interface StatusPlan {
  readonly body: object;
  readonly isHeartbeatOnly: boolean;
}

/**
 * What must be written to the status of `node`; undefined when nothing must. Conditions, amounts and addresses of
 * others stay: conditions merge by type, amounts by key, and a key is taken away only if we put it there.
 */
export function planStatus(node: Node, desired: DesiredNode, now: Date): StatusPlan | undefined {
  const conditions = planConditions(node, desired, now);
  const changed = {
    ...planResources(node, desired),
    ...planEndpoint(node, desired),
  };
  const annotation = appliedResourcesValue(desired);
  const isRemembered = node.metadata.annotations?.[APPLIED_ANNOTATION.resources] === annotation;
  const isHeartbeatOnly = isRemembered && Object.keys(changed).length === 0 && !conditions.isChanged;
  if (isHeartbeatOnly && conditions.list.length === 0) return undefined;
  return {
    isHeartbeatOnly,
    body: {
      metadata: {
        uid: node.metadata.uid,
        ...(isRemembered ? {} : { annotations: { [APPLIED_ANNOTATION.resources]: annotation } }),
      },
      status: { ...changed, ...(conditions.list.length === 0 ? {} : { conditions: conditions.list }) },
    },
  };
}

/** Value of the annotation that remembers which amounts are ours. */
export function appliedResourcesValue(desired: DesiredNode): string {
  return JSON.stringify(Object.keys(desired.resources).sort());
}

/** Status of a Node that does not exist yet. */
export function newStatus(desired: DesiredNode, now: Date): object {
  return {
    capacity: desired.resources,
    allocatable: desired.resources,
    addresses: desired.addresses.map((address) => ({ type: 'InternalIP', address })),
    daemonEndpoints: { kubeletEndpoint: { Port: desired.kubeletPort } },
    nodeInfo: desired.nodeInfo,
    conditions: desired.conditions.map((condition) => stored(condition, undefined, now)),
  };
}

function planConditions(node: Node, desired: DesiredNode, now: Date): { list: StoredCondition[]; isChanged: boolean } {
  const current = (node.status?.conditions ?? []) as StoredCondition[];
  const find = (type: string) => current.find((entry) => entry.type === type);
  const isStale = desired.conditions.some(
    ({ type }) => now.getTime() - Date.parse(find(type)?.lastHeartbeatTime ?? '') >= HEARTBEAT_MS,
  );
  const differing = desired.conditions.filter((condition) => !sameState(condition, find(condition.type)));
  const written = isStale ? desired.conditions : differing;
  return {
    list: written.map((condition) => stored(condition, find(condition.type), now)),
    isChanged: differing.length > 0,
  };
}

function sameState(a: NodeConditionState, b: NodeConditionState | undefined): boolean {
  return b !== undefined && a.status === b.status && a.reason === b.reason && a.message === b.message;
}

function stored(condition: NodeConditionState, old: StoredCondition | undefined, now: Date): StoredCondition {
  const time = secondTime(now);
  const { type, status, reason, message } = condition;
  const lastTransitionTime = old?.status === status ? old.lastTransitionTime : time;
  return { type, status, reason, message, lastHeartbeatTime: time, lastTransitionTime };
}

function planResources(node: Node, desired: DesiredNode): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  for (const field of ['capacity', 'allocatable'] as const) {
    const current = (node.status?.[field] ?? {}) as Record<string, string>;
    const map: Record<string, string | null> = {};
    for (const [key, amount] of Object.entries(desired.resources)) {
      const there = current[key];
      if (there === undefined || !sameQuantity(there, amount)) map[key] = amount;
    }
    for (const key of appliedResources(node)) {
      if (desired.resources[key] === undefined && current[key] !== undefined) map[key] = null;
    }
    if (Object.keys(map).length > 0) changes[field] = map;
  }
  return changes;
}

function planEndpoint(node: Node, desired: DesiredNode): Record<string, unknown> {
  const { status } = node;
  const changes: Record<string, unknown> = {};
  const addresses = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
  if (addresses.join(' ') !== desired.addresses.join(' ')) {
    // Two addresses of one type break the merge by type (kubernetes#79391), so the list is replaced as a whole.
    changes['addresses'] = [
      { $patch: 'replace' },
      ...desired.addresses.map((address) => ({ type: 'InternalIP', address })),
    ];
  }
  if (status?.daemonEndpoints?.kubeletEndpoint?.Port !== desired.kubeletPort) {
    changes['daemonEndpoints'] = { kubeletEndpoint: { Port: desired.kubeletPort } };
  }
  const info = (status?.nodeInfo ?? {}) as unknown as Record<string, string>;
  if (Object.entries(desired.nodeInfo).some(([key, value]) => (info[key] ?? '') !== value)) {
    changes['nodeInfo'] = desired.nodeInfo;
  }
  return changes;
}
