import { FINALIZER, LABEL, tenantNamespace } from '#pkg/api';
import { identityOf, type Pod } from '#pkg/kube';
import { type PodResources, podDemand } from '#pkg/quantity';
import type { CountedPod } from './ledger.ts';

/** Succeeded or Failed: counts nothing, though the object is still there. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/**
 * Grant of a pod in a twin of `consumer`: the one that its label names, else the only one. Key `namespace/name`, or
 * undefined where there is none that it could be.
 * @param names names of the grants of that consumer
 */
export function grantKeyOf(pod: Pod, consumer: string, names: readonly string[]): string | undefined {
  const named = pod.metadata.labels?.[LABEL.grant];
  const name = named ?? (names.length === 1 ? names[0] : undefined);
  return name !== undefined && names.includes(name) ? `${tenantNamespace(consumer)}/${name}` : undefined;
}

/** @throws QuantityError where a request is no quantity (the API server refuses such pods itself) */
export function countedPod(pod: Pod, grant: string): CountedPod {
  const uid = pod.metadata.uid ?? '';
  return {
    uid,
    grant,
    identity: pod.metadata.labels?.[LABEL.podUid] ?? uid,
    demand: podDemand((pod.spec ?? {}) as PodResources),
    isTerminating: pod.metadata.deletionTimestamp !== undefined,
  };
}

/** What counting needs of a pod, so that a provider with many pods does not cost memory for the rest. */
export function trimToDemand(pod: Pod): Pod {
  const containers = (list: readonly { name: string }[] | undefined) =>
    list?.map((entry) => {
      const { name, resources, restartPolicy } = entry as { name: string; resources?: object; restartPolicy?: string };
      return { name, image: '', ...(resources && { resources }), ...(restartPolicy && { restartPolicy }) };
    });
  const { labels, deletionTimestamp, deletionGracePeriodSeconds, finalizers } = pod.metadata;
  const kept = Object.entries(labels ?? {}).filter(([key]) => key.startsWith('tombolo.io/'));
  const spec = pod.spec;
  const init = containers(spec?.initContainers);
  const podLevel = (spec as { resources?: object } | undefined)?.resources; // KEP-2837, newer than the types
  return {
    metadata: {
      ...identityOf(pod.metadata),
      ...(kept.length > 0 && { labels: Object.fromEntries(kept) }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      // Whoever keeps verdicts of pods reads the same cache.
      ...(finalizers?.includes(FINALIZER.verdict) && { finalizers: [FINALIZER.verdict] }),
      ...(deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
    },
    spec: {
      containers: containers(spec?.containers) ?? [],
      ...(init && { initContainers: init }),
      ...(spec?.overhead && { overhead: spec.overhead }),
      ...(podLevel && { resources: podLevel }),
      ...(spec?.nodeName !== undefined && { nodeName: spec.nodeName }),
    },
    status: { ...(pod.status?.phase !== undefined && { phase: pod.status.phase }) },
  } as Pod;
}
