import { type Pod, secondTime } from '#pkg/kube';
import type { PodUsage } from './usage.ts';

/** `/stats/summary` (stats.k8s.io/v1alpha1 Summary): the pods of the node, with numbers where the provider has them. */
export function statsSummary(
  node: { name: string; startedAt: Date },
  pods: readonly Pod[],
  usage: readonly PodUsage[],
): object {
  const byPod = new Map(usage.map((entry) => [entry.pod, entry]));
  const running = pods.filter((pod) => pod.status?.phase === 'Running');
  const measured = usage.flatMap((entry) => entry.containers);
  return {
    node: {
      nodeName: node.name,
      startTime: secondTime(node.startedAt),
      ...(measured.length === 0 ? {} : totals(measured, newest(usage))),
    },
    pods: running.map((pod) => {
      const found = byPod.get(`${pod.metadata.namespace}/${pod.metadata.name}`);
      return {
        podRef: { name: pod.metadata.name, namespace: pod.metadata.namespace, uid: pod.metadata.uid },
        startTime: pod.status?.startTime ?? pod.metadata.creationTimestamp,
        containers: containers(pod, found),
        ...(found === undefined ? {} : totals(found.containers, found.measuredAt)),
      };
    }),
  };
}

function containers(pod: Pod, usage: PodUsage | undefined): object[] {
  return (pod.status?.containerStatuses ?? []).map(({ name, state }) => {
    const numbers = usage?.containers.find((entry) => entry.name === name);
    return {
      name,
      startTime: state?.running?.startedAt ?? pod.metadata.creationTimestamp,
      ...(usage === undefined || numbers === undefined ? {} : totals([numbers], usage.measuredAt)),
    };
  });
}

function totals(list: readonly { cpuNanoCores: number; memoryBytes: number }[], at: Date): object {
  const sum = (field: 'cpuNanoCores' | 'memoryBytes') => list.reduce((total, entry) => total + entry[field], 0);
  return {
    cpu: { time: secondTime(at), usageNanoCores: sum('cpuNanoCores') },
    memory: { time: secondTime(at), usageBytes: sum('memoryBytes'), workingSetBytes: sum('memoryBytes') },
  };
}

function newest(usage: readonly PodUsage[]): Date {
  return new Date(Math.max(...usage.map((entry) => entry.measuredAt.getTime())));
}
