import type { ClusterPlan, NodePlan } from './address-plan.ts';
import { type ApiClient, apiClient, waitFor } from './api-client.ts';
import { type BedFolder, cgroupOf, clusterPath } from './bed-folder.ts';
import { ensureClusterFiles, ensureNodeFiles, type NodeConfigs } from './cluster-files.ts';
import type { ControlComponent } from './component-names.ts';
import { applyCoreDns, missingCoreDns } from './coredns.ts';
import { type Daemon, ensureDaemon, lastLine, runningDaemon } from './daemon.ts';
import { agentGroup, CONTROL_GROUP, controlDaemon, type DaemonContext, firstNode, nodeDaemon } from './daemons.ts';
import { TestbedError } from './errors.ts';
import { ensureKwok } from './kwok.ts';
import { ensureImage, waitForContainerd } from './node-runtime.ts';
import type { Progress } from './progress.ts';

/** An API server on a machine that builds Go programs at the same time was seen to take 40 s. */
const API_DEADLINE_MS = 180_000;
const NODES_DEADLINE_MS = 180_000;

export interface ClusterContext extends DaemonContext {
  /** Archive of the images that every node has. */
  readonly images: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Client of a cluster's API server with the bed's own certificate. */
export function clusterApi(bed: BedFolder, cluster: ClusterPlan): Promise<ApiClient> {
  return apiClient({
    address: firstNode(cluster).address,
    caFile: clusterPath(bed, cluster, 'pki/ca.crt'),
    certFile: clusterPath(bed, cluster, 'pki/admin.crt'),
    keyFile: clusterPath(bed, cluster, 'pki/admin.key'),
  });
}

/**
 * Brings one cluster up, or repairs it: returns when its nodes are Ready and names resolve. The network must be there.
 */
export async function ensureCluster(context: ClusterContext, cluster: ClusterPlan): Promise<void> {
  const { bed, progress, signal } = context;
  await ensureClusterFiles(bed, cluster);
  await ensureCgroups(context, cluster);
  await control(context, cluster, 'etcd');
  await control(context, cluster, 'apiserver');
  // While the API server starts, the nodes get their images.
  const nodes = Promise.all(cluster.nodes.map((node) => ensureRuntime(context, cluster, node)));
  using api = await clusterApi(bed, cluster);
  const [configs] = await Promise.all([nodes, waitForApi(context, cluster, api)]);
  await Promise.all(cluster.nodes.map((node) => applyNode(api, node)));
  await control(context, cluster, 'kcm');
  await control(context, cluster, 'scheduler');
  await Promise.all(cluster.nodes.map((node, index) => ensureAgents(context, cluster, node, configs[index])));
  await applyCoreDns(api, cluster);
  await ensureKwok(context, cluster, api);
  await progress.step(`${cluster.name}: nodes Ready, names resolve`, (note) =>
    waitForNodes(cluster, api, note, signal),
  );
}

async function ensureCgroups({ bed, cgroups }: ClusterContext, cluster: ClusterPlan): Promise<void> {
  const parts = [CONTROL_GROUP, 'kwok', ...cluster.nodes.flatMap((node) => [node.name, agentGroup(node)])];
  for (const part of parts) await cgroups.ensure(cgroupOf(bed, cluster, part));
}

function control(context: ClusterContext, cluster: ClusterPlan, component: ControlComponent): Promise<boolean> {
  return ensureDaemon(controlDaemon(context, cluster, component), context.signal);
}

async function ensureRuntime(context: ClusterContext, cluster: ClusterPlan, node: NodePlan): Promise<NodeConfigs> {
  const { bed, images, signal } = context;
  const configs = await ensureNodeFiles(bed, cluster, node);
  await ensureDaemon(nodeDaemon(context, cluster, node, 'containerd', configs.containerd), signal);
  await waitForContainerd({ bed, cluster, node }, signal);
  await ensureImage({ bed, cluster, node }, images, signal);
  return configs;
}

async function ensureAgents(
  context: ClusterContext,
  cluster: ClusterPlan,
  node: NodePlan,
  configs: NodeConfigs | undefined,
): Promise<void> {
  if (configs === undefined) return;
  await ensureDaemon(nodeDaemon(context, cluster, node, 'proxy', configs.proxy), context.signal);
  await ensureDaemon(nodeDaemon(context, cluster, node, 'kubelet', configs.kubelet), context.signal);
}

function waitForApi(context: ClusterContext, cluster: ClusterPlan, api: ApiClient): Promise<void> {
  const { progress, signal } = context;
  const daemons = (['etcd', 'apiserver'] as const).map((name) => controlDaemon(context, cluster, name));
  return progress.step(`${cluster.name}: API server ready`, () =>
    waitFor(
      async () => {
        for (const daemon of daemons) await mustRun(daemon);
        const answer = await api.get('/readyz');
        return answer.status === 200 ? undefined : `HTTP ${answer.status}: ${answer.text.split('\n')[0]}`;
      },
      {
        signal,
        deadlineMs: API_DEADLINE_MS,
        late: (last) => notReady('start the API server', cluster, last, clusterPath(context.bed, cluster, 'logs')),
      },
    ),
  );
}

/** A program that dies at once, for example over a flag, needs no wait until the deadline. */
async function mustRun(daemon: Daemon): Promise<void> {
  if ((await runningDaemon(daemon.pidFile)) !== undefined) return;
  throw new TestbedError('StepFailed', {
    attempted: `start ${daemon.title}`,
    where: daemon.logFile,
    why: `it ended: ${await lastLine(daemon.logFile)}`,
    next: 'read that log',
  });
}

function notReady(attempted: string, cluster: ClusterPlan, last: string, logs: string): TestbedError {
  return new TestbedError('NotReady', { attempted, where: cluster.name, why: last, next: `read the logs in ${logs}` });
}

/**
 * Makes the Node before its kubelet does, to give it the pod range that its CNI configuration has: the controller
 * manager would hand ranges out in the order in which nodes appear, kwok nodes included.
 */
async function applyNode(api: ApiClient, node: NodePlan): Promise<void> {
  await api.apply(`/api/v1/nodes/${node.nodeName}`, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: node.nodeName, labels: { 'tombolo.test/real': 'true' } },
    spec: { podCIDR: node.podRange, podCIDRs: [node.podRange] },
  });
}

async function waitForNodes(
  cluster: ClusterPlan,
  api: ApiClient,
  note: (detail: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await waitFor(
    async () => {
      const missing = (await missingNodes(cluster, api)) ?? (await missingCoreDns(api));
      note(missing ?? '');
      return missing;
    },
    {
      signal,
      deadlineMs: NODES_DEADLINE_MS,
      late: (last) => notReady('wait for nodes and CoreDNS', cluster, last, 'the cluster folder and its node folders'),
    },
  );
}

interface NodeList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status?: { readonly conditions?: readonly { type: string; status: string; message?: string }[] };
  }[];
}

/** Which node of the plan is not Ready, with what its kubelet says; undefined when all are. */
export async function missingNodes(cluster: ClusterPlan, api: ApiClient): Promise<string | undefined> {
  const answer = await api.get('/api/v1/nodes?labelSelector=tombolo.test/real');
  if (answer.status !== 200) return `list nodes: HTTP ${answer.status}`;
  const { items } = JSON.parse(answer.text) as NodeList;
  for (const node of cluster.nodes) {
    const conditions = items.find((item) => item.metadata.name === node.nodeName)?.status?.conditions ?? [];
    const ready = conditions.find((condition) => condition.type === 'Ready');
    if (ready?.status !== 'True') return `${node.nodeName}: ${ready?.message ?? 'its kubelet has not reported yet'}`;
  }
  return undefined;
}
