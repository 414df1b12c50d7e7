import type { ClusterPlan } from './address-plan.ts';
import { type ApiClient, waitFor } from './api-client.ts';
import type { ClusterContext } from './cluster-up.ts';
import { ensureDaemon, stopDaemon } from './daemon.ts';
import { controlDaemon, controlPidFile } from './daemons.ts';
import { TestbedError } from './errors.ts';

/** Enough that a node never is what limits a benchmark, and few enough pods that the scheduler must spread. */
const CAPACITY = { cpu: '32', memory: '256Gi', pods: '110' };
const READY_DEADLINE_MS = 120_000;

/** Requests at a time while nodes are made; the API server answers one in about 10 ms. */
const PARALLEL = 8;

/** Name of kwok node number `index`, from 0. */
function kwokNodeName(cluster: ClusterPlan, index: number): string {
  return `${cluster.name}-kwok${index + 1}`;
}

/**
 * Makes the cluster have exactly `kwokNodes` nodes without machines, and the controller that plays their kubelets:
 * pods on them become Ready at once, Jobs complete, deletions end. They carry no taint; the labels `type=kwok` and
 * `tombolo.test/kwok=true` tell them apart.
 */
export async function ensureKwok(context: ClusterContext, cluster: ClusterPlan, api: ApiClient): Promise<void> {
  const existing = await kwokNodes(api);
  const wanted = Array.from({ length: cluster.kwokNodes }, (_, index) => kwokNodeName(cluster, index));
  const surplus = existing.filter((name) => !wanted.includes(name));
  const missing = wanted.filter((name) => !existing.includes(name));
  await inParallel(surplus, (name) => api.delete(`/api/v1/nodes/${name}`));
  if (wanted.length === 0) {
    await stopDaemon(controlPidFile(context.bed, cluster, 'kwok'), { signal: context.signal });
    return;
  }
  await ensureDaemon(controlDaemon(context, cluster, 'kwok'), context.signal);
  if (missing.length > 0) {
    await context.progress.step(`${cluster.name}: ${wanted.length} kwok nodes Ready`, async (note) => {
      await inParallel(missing, (name) => applyKwokNode(api, name));
      await waitForReady(context, cluster, api, note);
    });
  }
}

async function applyKwokNode(api: ApiClient, name: string): Promise<void> {
  const object = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        type: 'kwok',
        'tombolo.test/kwok': 'true',
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
      },
    },
  };
  await api.apply(`/api/v1/nodes/${name}`, object);
  await api.apply(`/api/v1/nodes/${name}/status`, { ...object, status: { capacity: CAPACITY, allocatable: CAPACITY } });
}

interface NodeList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
  }[];
}

async function listKwokNodes(api: ApiClient): Promise<NodeList['items']> {
  const answer = await api.get('/api/v1/nodes?labelSelector=type%3Dkwok');
  if (answer.status !== 200) throw new Error(`list kwok nodes: HTTP ${answer.status}`);
  return (JSON.parse(answer.text) as NodeList).items;
}

async function kwokNodes(api: ApiClient): Promise<string[]> {
  return (await listKwokNodes(api)).map((item) => item.metadata.name);
}

function waitForReady(
  { signal }: ClusterContext,
  cluster: ClusterPlan,
  api: ApiClient,
  note: (detail: string) => void,
): Promise<void> {
  return waitFor(
    async () => {
      const ready = (await listKwokNodes(api)).filter((node) =>
        node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
      );
      note(`${ready.length} of ${cluster.kwokNodes}`);
      return ready.length >= cluster.kwokNodes ? undefined : `${ready.length} of ${cluster.kwokNodes} are Ready`;
    },
    {
      signal,
      deadlineMs: READY_DEADLINE_MS,
      late: (last) => new TestbedError('NotReady', { attempted: 'add kwok nodes', where: cluster.name, why: last }),
    },
  );
}

async function inParallel(names: readonly string[], run: (name: string) => Promise<unknown>): Promise<void> {
  const rest = names.values();
  const worker = async (): Promise<void> => {
    for (const name of rest) await run(name);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}
