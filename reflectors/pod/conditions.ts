import type { Pod } from '#pkg/kube';
import { toTime } from './offloaded-condition.ts';
import { isTerminal, type PodCondition } from './pod-types.ts';

/**
 * Conditions that a kubelet writes, and so we do on a virtual node. Not PodScheduled (the scheduler's) and not the
 * readiness gates: whoever set those keeps them (kubernetes-facts 5).
 */
const KUBELET_CONDITIONS = new Set([
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodReadyToStartContainers',
  'PodResizePending',
  'PodResizeInProgress',
  'AllContainersRestarting',
]);

/** Reason of Ready=False on the pods of a node that is not ready. */
const NODE_NOT_READY = 'NodeNotReady';

export interface ConditionContext {
  /**
   * False: the node is not ready, so none of its pods is (POD-26, kubernetes-facts 9). Undefined: not known yet, so what was
   * said of the node before stands.
   */
  readonly nodeIsReady: boolean | undefined;
  readonly now: Date;
}

/**
 * Conditions to show for `local` while `remote` is its remote pod. Those of others stay, in place; kubelet conditions
 * that the remote pod has no more go. The same array content comes back where nothing changed.
 */
export function shownConditions(local: Pod, remote: Pod, context: ConditionContext): PodCondition[] {
  const wanted = (remote.status?.conditions ?? [])
    .filter((condition) => KUBELET_CONDITIONS.has(condition.type) || isEvictionVerdict(remote, condition))
    .map(withoutGeneration)
    .map((condition) => (condition.type === 'Ready' ? shownReady(local, remote, condition, context) : condition));
  return mergeConditions(local, wanted, context.now, (type) => KUBELET_CONDITIONS.has(type));
}

/**
 * Conditions of a pod whose remote pod is gone for now, or cannot be seen: nothing is ready any more.
 * @param reason CamelCase, why
 */
export function unreadyConditions(local: Pod, reason: string, context: ConditionContext): PodCondition[] {
  const unready = (local.status?.conditions ?? [])
    .filter(({ type, status }) => (type === 'Ready' || type === 'ContainersReady') && status === 'True')
    .map(({ type }): PodCondition => ({ type, status: 'False', reason }));
  return mergeConditions(local, unready, context.now, () => false);
}

/** `local`'s conditions with those of `update` put in; `isOurs` says which types go when `update` lacks them. */
export function mergeConditions(
  local: Pod,
  update: readonly PodCondition[],
  now: Date,
  isOurs: (type: string) => boolean,
): PodCondition[] {
  const byType = new Map(update.map((condition) => [condition.type, condition]));
  const result: PodCondition[] = [];
  for (const old of local.status?.conditions ?? []) {
    const next = byType.get(old.type);
    byType.delete(old.type);
    if (next !== undefined) result.push(withTransition(old, next, now));
    else if (!isOurs(old.type)) result.push(old);
  }
  return [...result, ...Array.from(byType.values(), (condition) => withTransition(undefined, condition, now))];
}

/**
 * The time of the provider where it tells of this transition; now, where the transition is ours: the condition has no time
 * then, or (a node that lost its link and has it back) an older one than what stood here.
 */
function withTransition(old: PodCondition | undefined, next: PodCondition, now: Date): PodCondition {
  const before = old?.lastTransitionTime ?? '';
  const there = next.lastTransitionTime ?? '';
  const isSame = old?.status === next.status && before !== '';
  return { ...next, lastTransitionTime: there > before ? there : isSame ? before : toTime(now) };
}

/**
 * Readiness gates are judged here, where their conditions are set: the remote kubelet knows none of them (POD-27). So
 * Ready is what the kubelet would say of this pod: containers ready and every gate True.
 */
function shownReady(local: Pod, remote: Pod, ready: PodCondition, { nodeIsReady }: ConditionContext): PodCondition {
  const standing = local.status?.conditions?.find(({ type, reason }) => type === 'Ready' && reason === NODE_NOT_READY);
  if (nodeIsReady === false || (nodeIsReady === undefined && standing !== undefined)) {
    return unready(NODE_NOT_READY, 'the virtual node is not ready');
  }
  const gates = local.spec?.readinessGates ?? [];
  if (gates.length === 0) return ready;
  const containersReady = remote.status?.conditions?.find(({ type }) => type === 'ContainersReady');
  if (containersReady?.status !== 'True')
    return unready('ContainersNotReady', containersReady?.message ?? 'containers are not ready');
  const open = gates.filter(({ conditionType }) => !isTrue(local, conditionType));
  if (open.length === 0) return { type: 'Ready', status: 'True' };
  const names = open.map(({ conditionType }) => `"${conditionType}"`).join(', ');
  return unready('ReadinessGatesNotReady', `readiness gates not True: ${names}`);
}

function unready(reason: string, message: string): PodCondition {
  return { type: 'Ready', status: 'False', reason, message };
}

function isTrue(pod: Pod, type: string): boolean {
  return pod.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}

/** An eviction there is one of this pod: a Job's failure policy asks for the condition. */
function isEvictionVerdict(remote: Pod, condition: PodCondition): boolean {
  return condition.type === 'DisruptionTarget' && condition.status === 'True' && isTerminal(remote);
}

/** Generations count the spec there, which says nothing here; probe times would make every look a change. */
function withoutGeneration(condition: PodCondition): PodCondition {
  const { observedGeneration: _generation, lastProbeTime: _probed, ...rest } = condition;
  return rest;
}
