import { LABEL, tenantNamespace, type Grant } from '#pkg/api';
import { type Informer, type Namespace, type Node, type Pod, splitKey } from '#pkg/kube';
import { addAmounts, type Amounts, type PodResources, podDemand, subtractAmounts } from '#pkg/quantity';
import type { Ledger } from './ledger.ts';
import { countedPod, grantKeyOf, isFinished } from './pod-view.ts';

export interface CountingDeps {
  /** All pods of this cluster, trimmed by `trimToDemand`. */
  readonly pods: Informer<Pod>;
  readonly namespaces: Informer<Namespace>;
  readonly grants: Informer<Grant>;
  readonly ledger: Ledger;
  /** A grant whose use has changed. */
  readonly onUse: (grant: string) => void;
}

export interface Counting extends Disposable {
  /** Grant of a pod in that namespace, or why there is none. */
  grantOf(pod: Pod): { grant: Grant; key: string } | 'not a twin' | 'no grant';
  /** What pods ask for on that node together, of whomever. */
  placedOn(node: Node): Amounts;
}

/**
 * Feeds the ledger from the pods of twins, and keeps what is placed on each node, so that neither costs a walk over all
 * pods. Pods of a twin whose grant is not there yet are counted when it comes.
 */
export function countPods({ pods, namespaces, grants, ledger, onUse }: CountingDeps): Counting {
  const placed = new Map<string, Map<string, Amounts>>();

  const consumerOf = (namespace: string | undefined) =>
    namespaces.get(namespace ?? '')?.metadata.labels?.[LABEL.origin];
  const grantsOf = (consumer: string) =>
    grants.list().filter((grant) => grant.metadata.namespace === tenantNamespace(consumer));
  const keyFor = (pod: Pod, consumer: string) =>
    grantKeyOf(
      pod,
      consumer,
      grantsOf(consumer).map((grant) => grant.metadata.name),
    );

  const place = (pod: Pod, isHere: boolean) => {
    const node = pod.spec?.nodeName;
    const uid = pod.metadata.uid;
    if (node === undefined || uid === undefined) return;
    const onNode = placed.get(node) ?? new Map<string, Amounts>();
    if (isHere) onNode.set(uid, podDemand((pod.spec ?? {}) as PodResources));
    else onNode.delete(uid);
    if (onNode.size === 0) placed.delete(node);
    else placed.set(node, onNode);
  };
  const count = (pod: Pod, isHere: boolean) => {
    if (!isHere) {
      // Whatever of its namespace and grant is left: they may be seen to go before their last pods.
      const key = ledger.gone(pod.metadata.uid ?? '');
      if (key !== undefined) onUse(key);
      return;
    }
    const consumer = consumerOf(pod.metadata.namespace);
    if (consumer === undefined) return;
    const key = keyFor(pod, consumer);
    if (key === undefined) return;
    ledger.seen(countedPod(pod, key));
    onUse(key);
  };
  const recount = (namespace: string) => {
    for (const pod of pods.list()) if (pod.metadata.namespace === namespace) count(pod, !isFinished(pod));
  };
  const handlers = [
    pods.on((old, current) => {
      const pod = current ?? old;
      if (pod === undefined) return;
      const isHere = current !== undefined && !isFinished(current);
      place(pod, isHere);
      count(pod, isHere);
    }),
    // Pods may be seen before the namespace or grant that says whose they are.
    namespaces.on((old, current) => {
      const before = old?.metadata.labels?.[LABEL.origin];
      const now = current?.metadata.labels?.[LABEL.origin];
      if (now !== undefined && before !== now && current !== undefined) recount(current.metadata.name);
    }),
    grants.on((old, current) => {
      if (old !== undefined || current === undefined) return;
      for (const namespace of namespaces.list()) {
        const consumer = namespace.metadata.labels?.[LABEL.origin];
        if (consumer !== undefined && tenantNamespace(consumer) === current.metadata.namespace)
          recount(namespace.metadata.name);
      }
    }),
  ];
  return {
    grantOf(pod) {
      const consumer = consumerOf(pod.metadata.namespace);
      if (consumer === undefined) return 'not a twin';
      const key = keyFor(pod, consumer);
      const grant = key === undefined ? undefined : grants.get(key);
      return key === undefined || grant === undefined ? 'no grant' : { grant, key };
    },
    placedOn: (node) =>
      [...(placed.get(node.metadata.name)?.values() ?? [])].reduce<Amounts>(
        (sum, demand) => addAmounts(sum, demand),
        new Map(),
      ),
    [Symbol.dispose]() {
      for (const handler of handlers) handler[Symbol.dispose]();
    },
  };
}

/** What all grants of one tenant namespace but that one have together. */
export function grantedElsewhere(grants: readonly Grant[], key: string, parse: (grant: Grant) => Amounts): Amounts {
  const { namespace, name } = splitKey(key);
  return grants
    .filter((grant) => grant.metadata.namespace === namespace && grant.metadata.name !== name)
    .reduce<Amounts>((sum, grant) => addAmounts(sum, parse(grant)), subtractAmounts(new Map(), new Map()));
}
