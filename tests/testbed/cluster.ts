import { type CommandOptions, type CommandResult, runCommand } from '#pkg/runtime';
import type { ClusterPlan, NodePlan } from './address-plan.ts';
import { cgroupOf, clusterPath, nodeNamespace } from './bed-folder.ts';
import { missingNodes } from './cluster-ready.ts';
import { clusterApi } from './cluster-up.ts';
import { ensureNodeFiles } from './cluster-files.ts';
import { COMPACT_ETCD } from './compact-etcd.ts';
import { type Component, isNodeComponent } from './component-names.ts';
import { type Daemon, ensureDaemon, stopDaemon } from './daemon.ts';
import { controlDaemon, controlPidFile, type DaemonContext, firstNode, nodeDaemon, nodePidFile } from './daemons.ts';
import { TestbedError } from './errors.ts';
import { importImage } from './node-runtime.ts';

/** A real node of a cluster. */
export interface BedNode {
  /** Inside the bed: `node1`. */
  readonly name: string;
  /** Of the Kubernetes Node: `milan-node1`. */
  readonly nodeName: string;
  readonly address: string;
  readonly podRange: string;
  /** Network namespace on the host, as in `ip netns`. */
  readonly namespace: string;
}

export interface NodeOption {
  /** `node1` or `milan-node1`. Default: the first node, which also has the control plane. */
  readonly node?: string | undefined;
  readonly signal?: AbortSignal;
}

/** One cluster of a bed that is up. Holds no connection; methods may be called at the same time. */
export interface BedCluster {
  readonly name: string;
  /** Path of a kubeconfig with administrator rights, usable from the host. */
  readonly kubeconfig: string;
  /** `https://198.18.….…:6443` */
  readonly server: string;
  readonly podRange: string;
  readonly serviceRange: string;
  /** First real node first; kwok nodes are not listed. */
  readonly nodes: readonly BedNode[];
  /** Cgroup below which are its control plane, nodes and pods, relative to each hierarchy. */
  readonly cgroup: string;
  /** @throws TestbedError `UnknownTarget` */
  node(name: string | undefined): BedNode;
  /** Ends a component: in order (SIGTERM), or with `kill` as a crash does. @returns whether it ran */
  stop(component: Component, options?: NodeOption & { kill?: boolean }): Promise<boolean>;
  /** Starts a component that was stopped; returns when its process runs, not when it answers. @returns whether it had to */
  start(component: Component, options?: NodeOption): Promise<boolean>;
  /** Runs a program of the host in the network namespace of a node. @throws CommandError */
  exec(command: readonly [string, ...string[]], options?: NodeOption & CommandOptions): Promise<CommandResult>;
  /** Imports a docker archive into all nodes. */
  loadImage(archive: string, signal: AbortSignal): Promise<void>;
  /** Makes etcd forget everything but the newest revision. @returns that revision */
  compactEtcd(signal: AbortSignal): Promise<string>;
  /** What is missing until the API answers and all real nodes are Ready; undefined when nothing is. */
  missing(): Promise<string | undefined>;
}

/** How long a component may take to end after SIGTERM and SIGKILL, or to start. */
const COMPONENT_TIMEOUT_MS = 60_000;

export function bedCluster(context: DaemonContext, plan: ClusterPlan): BedCluster {
  const { bed } = context;
  const find = (name: string | undefined): NodePlan => {
    if (name === undefined) return firstNode(plan);
    const found = plan.nodes.find((node) => node.name === name || node.nodeName === name);
    if (found !== undefined) return found;
    throw new TestbedError('UnknownTarget', {
      attempted: 'find a node of the test bed',
      where: `${plan.name}/${name}`,
      why: 'the cluster has no node of that name',
      next: `name one of: ${plan.nodes.map((node) => node.name).join(', ')}`,
    });
  };
  const view = (node: NodePlan): BedNode => ({ ...node, namespace: nodeNamespace(bed, node) });
  const limit = (signal: AbortSignal | undefined): AbortSignal =>
    AbortSignal.any([AbortSignal.timeout(COMPONENT_TIMEOUT_MS), ...(signal === undefined ? [] : [signal])]);
  const exec: BedCluster['exec'] = ([program, ...args], options = {}) => {
    const namespace = nodeNamespace(bed, find(options.node));
    return runCommand('nsenter', [`--net=/run/netns/${namespace}`, '--', program, ...args], options);
  };
  return {
    name: plan.name,
    kubeconfig: clusterPath(bed, plan, 'kubeconfig'),
    server: `https://${firstNode(plan).address}:6443`,
    podRange: plan.podRange,
    serviceRange: plan.serviceRange,
    nodes: plan.nodes.map(view),
    cgroup: cgroupOf(bed, plan, '.').slice(0, -'/.'.length),
    node: (name) => view(find(name)),
    stop(component, options = {}) {
      const pidFile = isNodeComponent(component)
        ? nodePidFile(bed, plan, find(options.node), component)
        : controlPidFile(bed, plan, component);
      return stopDaemon(pidFile, {
        signal: limit(options.signal),
        with: options.kill === true ? 'SIGKILL' : 'SIGTERM',
      });
    },
    async start(component, options = {}) {
      const daemon = await describe(context, plan, find(options.node), component);
      return ensureDaemon(daemon, limit(options.signal));
    },
    exec,
    async compactEtcd(signal) {
      const { stdout } = await exec([process.execPath, '--input-type=module', '--eval', COMPACT_ETCD], { signal });
      return stdout.trim();
    },
    async loadImage(archive, signal) {
      await Promise.all(plan.nodes.map((node) => importImage({ bed, cluster: plan, node }, archive, signal)));
    },
    async missing() {
      using api = await clusterApi(bed, plan);
      return await missingNodes(plan, api).catch((error: Error) => error.message);
    },
  };
}

async function describe(
  context: DaemonContext,
  cluster: ClusterPlan,
  node: NodePlan,
  component: Component,
): Promise<Daemon> {
  if (!isNodeComponent(component)) return controlDaemon(context, cluster, component);
  const configs = await ensureNodeFiles(context.bed, cluster, node);
  return nodeDaemon(context, cluster, node, component, configs[component]);
}
