import type { Pod } from '#pkg/kube';
import type { PodUsage } from './usage.ts';

interface Counter {
  cpuSeconds: number;
  measuredAtMs: number;
}

/**
 * `/metrics/resource` (Prometheus text). Scrapers want CPU as a counter and the provider gives a rate, so the rate is
 * summed over the time between two measurements. The sum starts at 0 with this process, as a counter may.
 */
export interface ResourceMetrics {
  text(pods: readonly Pod[], usage: readonly PodUsage[]): string;
}

export function resourceMetrics(): ResourceMetrics {
  let counters = new Map<string, Counter>();

  function count(key: string, nanoCores: number, at: Date): number {
    const measuredAtMs = at.getTime();
    const old = counters.get(key);
    const elapsedMs = old === undefined ? 0 : Math.max(0, measuredAtMs - old.measuredAtMs);
    const cpuSeconds = (old?.cpuSeconds ?? 0) + (nanoCores / 1e9) * (elapsedMs / 1000);
    counters.set(key, { cpuSeconds, measuredAtMs });
    return cpuSeconds;
  }

  return {
    text(pods, usage) {
      const here = new Set(pods.map((pod) => `${pod.metadata.namespace}/${pod.metadata.name}`));
      // Counters of pods that are gone go too, or they would pile up for ever.
      counters = new Map([...counters].filter(([key]) => here.has(key.split(' ')[0] ?? '')));
      const cpu: string[] = [];
      const memory: string[] = [];
      const node = { cpuSeconds: 0, bytes: 0, at: 0 };
      for (const { pod, measuredAt, containers } of usage) {
        if (!here.has(pod)) continue;
        const at = measuredAt.getTime();
        for (const container of containers) {
          const seconds = count(`${pod} ${container.name}`, container.cpuNanoCores, measuredAt);
          const labels = labelsOf(pod, container.name);
          cpu.push(`container_cpu_usage_seconds_total${labels} ${seconds.toFixed(6)} ${at}`);
          memory.push(`container_memory_working_set_bytes${labels} ${container.memoryBytes} ${at}`);
          node.cpuSeconds += seconds;
          node.bytes += container.memoryBytes;
          node.at = Math.max(node.at, at);
        }
      }
      return lines(cpu, memory, node);
    },
  };
}

function labelsOf(pod: string, container: string): string {
  const [namespace, name] = pod.split('/');
  return `{container="${container}",namespace="${namespace}",pod="${name}"}`;
}

function lines(cpu: string[], memory: string[], node: { cpuSeconds: number; bytes: number; at: number }): string {
  const family = (name: string, type: string, help: string, samples: string[]) =>
    samples.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples];
  const ofNode = (name: string, value: string) => (node.at === 0 ? [] : [`${name} ${value} ${node.at}`]);
  return [
    ...family('container_cpu_usage_seconds_total', 'counter', 'CPU time of the container in core-seconds', cpu),
    ...family('container_memory_working_set_bytes', 'gauge', 'Working set of the container in bytes', memory),
    ...family(
      'node_cpu_usage_seconds_total',
      'counter',
      'CPU time of the pods of the node in core-seconds',
      ofNode('node_cpu_usage_seconds_total', node.cpuSeconds.toFixed(6)),
    ),
    ...family(
      'node_memory_working_set_bytes',
      'gauge',
      'Working set of the pods of the node in bytes',
      ofNode('node_memory_working_set_bytes', String(node.bytes)),
    ),
    ...family('scrape_error', 'gauge', '1 if there was an error, 0 otherwise', ['scrape_error 0']),
    '',
  ].join('\n');
}
