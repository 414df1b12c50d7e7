import {
  addAmounts,
  type Amounts,
  formatAmount,
  parseAmounts,
  podDemand,
  type Quantity,
  shortages,
  subtractAmounts,
} from '#pkg/quantity';
import type { GrantView } from './pod-deps.ts';
import type { PodSpec } from './pod-types.ts';
import { type Refusal, refusal, type ResizeRefusal } from './refusal.ts';

/**
 * What the pods of this node use of its grant, so that a refusal is known before anything is created there: the provider
 * would refuse too, but behind a ReplicaSet that is tried again only after minutes (kubernetes-facts 16). Pods that others
 * made there are the provider's business; its admission is exact, this is not meant to be.
 */
export interface GrantLedger {
  /** Why the pod may not be created now; undefined: it may, and its demand is taken until `free`. */
  take(podUid: string, spec: PodSpec): Refusal | undefined;
  /** The pod is there in that size, whoever created it. */
  hold(podUid: string, spec: PodSpec): void;
  /** Why a pod that is held may not have the size of `spec` now; undefined: it may, and has it from now on (POD-63). */
  resize(podUid: string, spec: PodSpec): ResizeRefusal | undefined;
  /** It ended or is gone. True where that made room. */
  free(podUid: string): boolean;
}

const NOTHING: Amounts = new Map();

export function grantLedger(peer: string, grant: () => GrantView): GrantLedger {
  const held = new Map<string, Amounts>();
  let used: Amounts = new Map();
  /** Replicas share their containers in memory, so their demand is computed once. */
  const demands = new WeakMap<object, Amounts>();

  const demandOf = (spec: PodSpec): Amounts => {
    const known = demands.get(spec.containers);
    if (known !== undefined) return known;
    // Overhead comes with the runtime class there, so the one of home does not count.
    const { containers, initContainers, resources } = spec;
    const demand = podDemand({
      containers,
      ...(initContainers !== undefined && { initContainers }),
      ...(resources !== undefined && { resources }),
    });
    if (initContainers === undefined && resources === undefined) demands.set(containers, demand);
    return demand;
  };
  const hold = (podUid: string, spec: PodSpec) => {
    const demand = demandOf(spec);
    const before = held.get(podUid);
    if (before === demand) return;
    held.set(podUid, demand);
    used = addAmounts(before === undefined ? used : subtractAmounts(used, before), demand);
  };

  return {
    take(podUid, spec) {
      if (held.has(podUid)) return undefined; // admitted before: a re-creation is not new (NODE-32, NODE-38)
      const { granted, cordoned } = grant();
      if (cordoned === true) return refusal(peer, 'GrantCordoned', 'its grant is cordoned, it takes no new pods');
      if (granted === undefined) return undefined;
      const total = parseAmounts(granted);
      const [lack] = shortages(demandOf(spec), subtractAmounts(total, used));
      if (lack === undefined) {
        hold(podUid, spec);
        return undefined;
      }
      return refusal(peer, 'GrantExceeded', describe(lack, total.get(lack.resource)));
    },
    hold,
    resize(podUid, spec) {
      const demand = demandOf(spec);
      const before = held.get(podUid) ?? NOTHING;
      const growing = new Set(shortages(demand, before).map(({ resource }) => resource));
      const { granted, cordoned } = grant();
      if (growing.size > 0 && cordoned === true) {
        return {
          reason: 'Deferred',
          message: refusal(peer, 'GrantCordoned', 'its grant is cordoned, no pod grows').message,
        };
      }
      if (growing.size > 0 && granted !== undefined) {
        const total = parseAmounts(granted);
        const free = subtractAmounts(total, subtractAmounts(used, before));
        const lack = shortages(demand, free).find(({ resource }) => growing.has(resource));
        if (lack !== undefined) {
          const { message } = refusal(peer, 'GrantExceeded', describe(lack, total.get(lack.resource)));
          const isTooMuch = shortages(demand, total).some(({ resource }) => growing.has(resource));
          return { reason: isTooMuch ? 'Infeasible' : 'Deferred', message };
        }
      }
      hold(podUid, spec);
      return undefined;
    },
    free(podUid) {
      const demand = held.get(podUid);
      if (demand === undefined) return false;
      held.delete(podUid);
      used = subtractAmounts(used, demand);
      return true;
    },
  };
}

function describe(lack: { resource: string; asked: Quantity; free: Quantity }, granted: Quantity | undefined): string {
  const text = (amount: Quantity) => formatAmount(lack.resource, amount);
  // In the words of the provider's own refusal, so that a pod says the same whoever refuses it.
  if (granted === undefined) return `the grant has no ${lack.resource}, ${text(lack.asked)} asked`;
  const free = lack.free < 0n ? '0' : text(lack.free);
  return `${lack.resource}: asked ${text(lack.asked)}, free ${free}, granted ${text(granted)}`;
}
