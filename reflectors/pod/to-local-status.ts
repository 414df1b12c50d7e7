import { CONDITION } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { type ConditionContext, mergeConditions, shownConditions, unreadyConditions } from './conditions.ts';
import { shownEphemerals } from './ephemeral.ts';
import { lostContainer } from './lost-container.ts';
import { goneCondition, refusedCondition, runningCondition, shownRemoteUid } from './offloaded-condition.ts';
import {
  type ContainerStatus,
  hasRun,
  isTerminal,
  isTerminating,
  type PodCondition,
  type PodStatus,
} from './pod-types.ts';
import { wasInterrupted } from './remote-end.ts';
import { type RestartsBefore, shownRestartCount } from './restarts.ts';
import type { Refusal } from './why-not-running.ts';
import type { Wrapping } from './wrapping.ts';

/** What the shown status takes from anywhere else than the two pods. */
export interface StatusContext extends ConditionContext {
  readonly peer: string;
  /** Address of the virtual node: every pod's `hostIP`. Empty while the node has none. */
  readonly nodeAddress: string;
  /** The address under which this cluster reaches an address of the provider; undefined while none is known. */
  readonly translate: (address: string) => string | undefined;
  readonly wrapping: Wrapping;
  readonly restartsBefore: RestartsBefore;
  /** Why it does not run, if so. */
  readonly refusal: Refusal | undefined;
}

/**
 * Whole status that `local` should have while `remote` is its remote pod: the remote one, with addresses translated,
 * restart counts carried on and the conditions of others kept. Only fields of a kubelet are taken over, so qosClass,
 * nominatedNodeName and resource claims stay as they are here (kubernetes-facts 5). Pure.
 */
export function toLocalStatus(local: Pod, remote: Pod, context: StatusContext): PodStatus {
  const there = remote.status ?? {};
  const here = local.status ?? {};
  const result: PodStatus = { ...here, phase: shownPhase(local, remote, context.wrapping) };
  copyOrDrop(result, 'startTime', there.startTime ?? here.startTime);
  const isVerdict = result.phase === 'Succeeded' || result.phase === 'Failed';
  copyOrDrop(result, 'reason', isVerdict || !isTerminal(remote) ? there.reason : undefined);
  copyOrDrop(result, 'message', isVerdict || !isTerminal(remote) ? there.message : undefined);
  if (result.phase === 'Failed' && there.reason === undefined && wasInterrupted(remote) && !isTerminating(local)) {
    result.reason = 'RemotePodLost';
    result.message = `${context.peer}: the pod was deleted there while it ran; it is not run again`;
  }
  for (const list of ['initContainerStatuses', 'containerStatuses'] as const) {
    copyOrDrop(result, list, shownContainers(there[list], here[list], context.restartsBefore));
  }
  const ephemerals = shownEphemerals(there.ephemeralContainerStatuses, here.ephemeralContainerStatuses);
  copyOrDrop(result, 'ephemeralContainerStatuses', ephemerals);
  showAddresses(result, there, context);
  result.conditions = withOffloaded(
    { ...local, status: { ...here, conditions: shownConditions(local, remote, context) } },
    offloadedCondition(local, remote, context),
    context.now,
  );
  return result;
}

/** Status of a pod that has no remote pod now, or none that we can see: not ready, and why. Everything else stays. */
export function toAbsentStatus(
  local: Pod,
  reason: string,
  refusal: Refusal | undefined,
  context: ConditionContext,
): PodStatus {
  const conditions = unreadyConditions(local, reason, context);
  const ranAs = shownRemoteUid(local);
  const offloaded = refusal === undefined ? goneCondition(reason, ranAs) : refusedCondition(refusal, ranAs);
  return {
    ...local.status,
    conditions: withOffloaded({ ...local, status: { ...local.status, conditions } }, offloaded, context.now),
  };
}

/** Status of a pod that was deleted there before it ever ran: no kubelet has it any more. */
export function toUnstartedStatus(local: Pod, context: ConditionContext): PodStatus {
  const { startTime: _forgotten, ...status } = toAbsentStatus(local, 'RemotePodMissing', undefined, context);
  return status;
}

/** Status of a pod that ran once and whose remote pod is gone without a verdict (POD-24). As the kubelet does it. */
export function toLostStatus(local: Pod, message: string, context: ConditionContext): PodStatus {
  const { containerStatuses, initContainerStatuses } = local.status ?? {};
  return {
    ...toAbsentStatus(local, 'PodFailed', undefined, context),
    phase: 'Failed',
    reason: 'RemotePodLost',
    message,
    ...(containerStatuses !== undefined && { containerStatuses: containerStatuses.map(lostContainer) }),
    ...(initContainerStatuses !== undefined && { initContainerStatuses: initContainerStatuses.map(lostContainer) }),
  };
}

const PHASE_ORDER = ['Pending', 'Running'];

/**
 * Phases never go back. A pod that is brought back (ReplicaSet, StatefulSet) has no verdict there: its end is a restart,
 * as on a node, where the phase stays Running; unless it ends because it is deleted here.
 */
function shownPhase(local: Pod, remote: Pod, wrapping: Wrapping): string {
  const here = local.status?.phase ?? 'Pending';
  const there = remote.status?.phase ?? 'Pending';
  if (isTerminal(remote)) return wrapping === 'once' || isTerminating(local) ? there : here;
  return PHASE_ORDER.indexOf(there) > PHASE_ORDER.indexOf(here) ? there : here;
}

/**
 * Statuses there with counts carried on. A re-created pod that no kubelet has taken yet has none: then the last ones
 * stand here as waiting, so that no container vanishes from a pod that has run.
 */
function shownContainers(
  there: readonly ContainerStatus[] | undefined,
  here: readonly ContainerStatus[] | undefined,
  before: RestartsBefore,
): ContainerStatus[] | undefined {
  const shown = new Map((here ?? []).map((status) => [status.name, status]));
  if (there !== undefined && there.length > 0) {
    return there.map((status) => ({
      ...status,
      restartCount: shownRestartCount(status, before, shown.get(status.name)),
    }));
  }
  return here?.map((status) => waitingAgain(status, before));
}

function waitingAgain(status: ContainerStatus, before: RestartsBefore): ContainerStatus {
  const restartCount = Math.max(
    status.restartCount,
    Object.hasOwn(before, status.name) ? (before[status.name] ?? 0) : 0,
  );
  const { containerID: _gone, ...rest } = status;
  return { ...rest, restartCount, ready: false, started: false, state: { waiting: { reason: 'ContainerCreating' } } };
}

/** A wrong address would be reached by somebody: what cannot be translated is left out (POD-16, kubernetes-facts 5). */
function showAddresses(result: PodStatus, there: PodStatus, context: StatusContext): void {
  if (context.nodeAddress !== '' && (there.hostIP !== undefined || result.hostIP !== undefined)) {
    result.hostIP = context.nodeAddress;
    result.hostIPs = [{ ip: context.nodeAddress }];
  }
  const podIPs = addressesOf(there).flatMap((address) => {
    const ip = context.translate(address);
    return ip === undefined ? [] : [{ ip }];
  });
  copyOrDrop(result, 'podIP', podIPs[0]?.ip);
  copyOrDrop(result, 'podIPs', podIPs.length > 0 ? podIPs : undefined);
}

function addressesOf(status: PodStatus): string[] {
  const listed = (status.podIPs ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]));
  return listed.length > 0 || status.podIP === undefined ? listed : [status.podIP];
}

function offloadedCondition(local: Pod, remote: Pod, context: StatusContext): PodCondition | undefined {
  if (context.refusal !== undefined) return refusedCondition(context.refusal);
  if (hasRun(remote)) return runningCondition(remote, context.peer);
  // Under way, nothing wrong: what stood there is kept, unless it was a refusal, which no longer holds.
  const standing = local.status?.conditions?.find(({ type }) => type === CONDITION.offloaded);
  return standing?.status === 'True' ? standing : undefined;
}

/** With the condition put in, or taken out where it is undefined. */
function withOffloaded(local: Pod, condition: PodCondition | undefined, now: Date): PodCondition[] {
  if (condition !== undefined) return mergeConditions(local, [condition], now, () => false);
  return (local.status?.conditions ?? []).filter(({ type }) => type !== CONDITION.offloaded);
}

function copyOrDrop<K extends keyof PodStatus>(status: PodStatus, key: K, value: PodStatus[K] | undefined): void {
  if (value === undefined) delete status[key];
  else status[key] = value;
}
