import type { ClusterPlan, NodePlan } from './address-plan.ts';
import { type ApiClient, apiClient } from './api-client.ts';
import { type BedFolder, cgroupOf, clusterPath, nodeNamespace } from './bed-folder.ts';
import { ensureClusterFiles, ensureNodeFiles, type NodeConfigs } from './cluster-files.ts';
import { waitForApi, waitForNodes } from './cluster-ready.ts';
import type { ControlComponent } from './component-names.ts';
import { applyCoreDns } from './coredns.ts';
import { type Daemon, ensureDaemon, isStray } from './daemon.ts';
import { agentGroup, CONTROL_GROUP, controlDaemon, type DaemonContext, firstNode, nodeDaemon } from './daemons.ts';
import { ensureKwok } from './kwok.ts';
import { ensureImage, waitForContainerd } from './node-runtime.ts';
import { killProcess } from './process-id.ts';
import type { Progress } from './progress.ts';

export interface ClusterContext extends DaemonContext {
  /** Archive of the images that every node has. */
  readonly images: string;
  /** Archive of Tombolo for a node that has to have it before its kubelet starts. Default: it comes with the installation. */
  readonly product?: string;
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
  const control = [await ensureControl(context, cluster, 'etcd'), await ensureControl(context, cluster, 'apiserver')];
  using api = await clusterApi(bed, cluster);
  // While the API server starts, the nodes get their images.
  const [configs] = await Promise.all([
    Promise.all(cluster.nodes.map((node) => ensureRuntime(context, cluster, node))),
    progress.step(`${cluster.name}: API server ready`, () => waitForApi(cluster, api, { daemons: control, signal })),
  ]);
  await Promise.all(cluster.nodes.map((node) => applyNode(api, node)));
  await ensureControl(context, cluster, 'kcm');
  await ensureControl(context, cluster, 'scheduler');
  const agents = await Promise.all(configs.map(({ node, texts }) => ensureAgents(context, cluster, node, texts)));
  const started = new Set(agents.filter(({ isNew }) => isNew).map(({ nodeName }) => nodeName));
  const since = new Date();
  await applyCoreDns(api, cluster);
  await ensureKwok(context, cluster, api);
  await progress.step(`${cluster.name}: nodes Ready, names resolve`, (note) =>
    waitForNodes(cluster, api, {
      daemons: [...control, ...agents.flatMap(({ daemons }) => daemons)],
      namespace: nodeNamespace(bed, firstNode(cluster)),
      since: (nodeName) => (started.has(nodeName) ? since : new Date(0)),
      note,
      signal,
    }),
  );
}

async function ensureCgroups({ bed, cgroups }: ClusterContext, cluster: ClusterPlan): Promise<void> {
  const parts = [CONTROL_GROUP, 'kwok', ...cluster.nodes.flatMap((node) => [node.name, agentGroup(node)])];
  for (const part of parts) await cgroups.ensure(cgroupOf(bed, cluster, part));
}

async function ensureControl(
  context: ClusterContext,
  cluster: ClusterPlan,
  component: ControlComponent,
): Promise<Daemon> {
  const daemon = controlDaemon(context, cluster, component);
  await ensureDaemon(daemon, context.signal);
  return daemon;
}

async function ensureRuntime(
  context: ClusterContext,
  cluster: ClusterPlan,
  node: NodePlan,
): Promise<{ node: NodePlan; texts: NodeConfigs }> {
  const { bed, images, product, signal } = context;
  const texts = await ensureNodeFiles(bed, cluster, node);
  const containerd = nodeDaemon(context, cluster, node, 'containerd', texts.containerd);
  // Pods of a lost namespace have no way out: without their processes the kubelet makes them anew.
  if (await isStray(containerd)) await killGroup(context, cgroupOf(bed, cluster, node.name));
  await ensureDaemon(containerd, signal);
  await waitForContainerd({ bed, cluster, node }, signal);
  await ensureImage({ bed, cluster, node }, { purpose: 'base', archive: images }, signal);
  if (product !== undefined) {
    await ensureImage({ bed, cluster, node }, { purpose: 'product', archive: product }, signal);
  }
  return { node, texts };
}

async function killGroup({ cgroups }: ClusterContext, group: string): Promise<void> {
  for (const pid of await cgroups.processes(group)) killProcess(pid);
}

async function ensureAgents(
  context: ClusterContext,
  cluster: ClusterPlan,
  node: NodePlan,
  texts: NodeConfigs,
): Promise<{ nodeName: string; daemons: Daemon[]; isNew: boolean }> {
  const proxy = nodeDaemon(context, cluster, node, 'proxy', texts.proxy);
  const kubelet = nodeDaemon(context, cluster, node, 'kubelet', texts.kubelet);
  await ensureDaemon(proxy, context.signal);
  const isNew = await ensureDaemon(kubelet, context.signal);
  return { nodeName: node.nodeName, daemons: [proxy, kubelet], isNew };
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
