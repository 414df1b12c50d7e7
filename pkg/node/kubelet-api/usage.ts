import { parseQuantity } from '#pkg/quantity';
import { mapLimit } from '#pkg/runtime';
import type { Upstream } from './upstream.ts';

/** Use of one container, as metrics.k8s.io reports it. */
interface ContainerUsage {
  readonly name: string;
  readonly cpuNanoCores: number;
  readonly memoryBytes: number;
}

export interface PodUsage {
  readonly pod: string;
  /** When it was measured at the provider. */
  readonly measuredAt: Date;
  readonly containers: readonly ContainerUsage[];
}

/** The metrics of most clusters are 15 s old: asking more often gives the same numbers. */
const FRESH_MS = 10_000;
/** How long a provider without metrics is not asked again. */
const ABSENT_MS = 60_000;
const TIMEOUT_MS = 5_000;
const PARALLEL = 4;

/** Reads what the remote pods use. Empty where the provider serves no metrics or cannot be asked. */
export interface UsageReader {
  read(signal: AbortSignal): Promise<readonly PodUsage[]>;
}

/** One request per twin namespace with pods of this node, at most every 10 s however many ask. */
export function usageReader(upstream: Upstream): UsageReader {
  let last: { at: number; answer: Promise<readonly PodUsage[]> } | undefined;
  let absentUntil = 0;
  return {
    read(signal) {
      const now = upstream.clock.now();
      if (now < absentUntil || !upstream.health.isReady) return Promise.resolve([]);
      if (last !== undefined && now - last.at < FRESH_MS) return last.answer;
      const answer = readAll(upstream, signal).catch(() => {
        // Usage is an extra: without it the node still lists its pods. Asked again after a while.
        absentUntil = upstream.clock.now() + ABSENT_MS;
        return [];
      });
      last = { at: now, answer };
      return answer;
    },
  };
}

interface PodMetrics {
  metadata: { name: string };
  timestamp: string;
  containers: { name: string; usage: { cpu: string; memory: string } }[];
}

async function readAll(upstream: Upstream, signal: AbortSignal): Promise<readonly PodUsage[]> {
  const homeOf = new Map<string, Map<string, string>>();
  for (const { metadata } of upstream.pods.list()) {
    const pod = `${metadata.namespace}/${metadata.name}`;
    const remote = upstream.pods.remote(pod);
    if (remote === undefined) continue;
    const names = homeOf.get(remote.namespace) ?? new Map<string, string>();
    homeOf.set(remote.namespace, names.set(remote.name, pod));
  }
  const lists = await mapLimit([...homeOf], PARALLEL, async ([namespace, names]) => {
    const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`;
    const answer = await upstream.peer.cluster.client.request('GET', path, { signal, timeoutMs: TIMEOUT_MS });
    if (answer.status >= 300) throw new Error(`metrics.k8s.io answers HTTP ${answer.status}`);
    const { items } = JSON.parse(answer.body.toString('utf8')) as { items: PodMetrics[] };
    return items.flatMap((item) => {
      const pod = names.get(item.metadata.name);
      return pod === undefined ? [] : [usageOf(pod, item)];
    });
  });
  return lists.flat();
}

function usageOf(pod: string, item: PodMetrics): PodUsage {
  return {
    pod,
    measuredAt: new Date(item.timestamp),
    containers: item.containers.map(({ name, usage }) => ({
      name,
      // Quantities count in nano units; measurements fit into a double.
      cpuNanoCores: Number(parseQuantity(usage.cpu)),
      memoryBytes: Number(parseQuantity(usage.memory) / 1_000_000_000n),
    })),
  };
}
