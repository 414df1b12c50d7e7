import { join } from 'node:path';
import type { BedPlan, ClusterPlan, NodePlan } from './address-plan.ts';
import { addressIn, kwokPodRange } from './address-plan.ts';
import { type BedFolder, cgroupOf, clusterPath, nodeNamespace, nodePath } from './bed-folder.ts';
import type { Cgroups } from './cgroups.ts';
import type { ControlComponent, NodeComponent } from './component-names.ts';
import type { Daemon } from './daemon.ts';

/** Programs that the bed starts; all but containerd are built by it. */
export interface Programs {
  readonly kube: string;
  readonly kwok: string;
}

export interface DaemonContext {
  readonly bed: BedFolder;
  readonly plan: BedPlan;
  readonly cgroups: Cgroups;
  readonly programs: Programs;
}

/** The first node's namespace holds the control plane, as on a kubeadm machine. */
export function firstNode(cluster: ClusterPlan): NodePlan {
  const node = cluster.nodes[0];
  if (node === undefined) throw new Error(`${cluster.name}: a cluster without nodes cannot be planned`);
  return node;
}

export function controlPidFile(bed: BedFolder, cluster: ClusterPlan, component: ControlComponent): string {
  return clusterPath(bed, cluster, 'run', `${component}.pid`);
}

export function nodePidFile(bed: BedFolder, cluster: ClusterPlan, node: NodePlan, component: NodeComponent): string {
  return nodePath(bed, cluster, node, 'run', `${component}.pid`);
}

/** Cgroup of the control plane, and of the agents of the nodes beside their pods (a v2 group has either). */
export const CONTROL_GROUP = 'control';
export function agentGroup(node: NodePlan): string {
  return `${node.name}-agents`;
}

export function controlDaemon(context: DaemonContext, cluster: ClusterPlan, component: ControlComponent): Daemon {
  const { bed, cgroups, programs } = context;
  const isKwok = component === 'kwok';
  return {
    title: `${component} of ${cluster.name}`,
    program: isKwok ? programs.kwok : programs.kube,
    args: CONTROL_ARGS[component](cluster, (...parts) => clusterPath(bed, cluster, ...parts)),
    namespace: nodeNamespace(bed, firstNode(cluster)),
    memberFiles: cgroups.memberFiles(cgroupOf(bed, cluster, isKwok ? 'kwok' : CONTROL_GROUP)),
    pidFile: controlPidFile(bed, cluster, component),
    logFile: clusterPath(bed, cluster, 'logs', `${component}.log`),
    // kwok reads settings of whoever started it from the home folder.
    ...(isKwok ? { env: { HOME: clusterPath(bed, cluster) } } : {}),
  };
}

export function nodeDaemon(
  context: DaemonContext,
  cluster: ClusterPlan,
  node: NodePlan,
  component: NodeComponent,
  config: string,
): Daemon {
  const { bed, cgroups, programs } = context;
  const path = (...parts: string[]): string => nodePath(bed, cluster, node, ...parts);
  return {
    title: `${component} of ${node.nodeName}`,
    program: component === 'containerd' ? '/usr/bin/containerd' : programs.kube,
    args: NODE_ARGS[component](node, path),
    namespace: nodeNamespace(bed, node),
    memberFiles: cgroups.memberFiles(cgroupOf(bed, cluster, agentGroup(node))),
    pidFile: nodePidFile(bed, cluster, node, component),
    logFile: path('logs', `${component}.log`),
    config,
  };
}

type Path = (...parts: string[]) => string;

/** Client-side limits of Kubernetes' own controllers would be what a benchmark measures; the bed has none. */
const UNLIMITED = ['--kube-api-qps=10000', '--kube-api-burst=10000'];

const CONTROL_ARGS: Readonly<Record<ControlComponent, (cluster: ClusterPlan, path: Path) => string[]>> = {
  etcd: (_, path) => [
    'etcd',
    `--data-dir=${path('etcd')}`,
    '--listen-client-urls=http://127.0.0.1:2379',
    '--advertise-client-urls=http://127.0.0.1:2379',
    '--listen-peer-urls=http://127.0.0.1:2380',
    '--initial-advertise-peer-urls=http://127.0.0.1:2380',
    '--initial-cluster=default=http://127.0.0.1:2380',
    // A bed that loses power is made anew; waiting for the disk would only slow it down.
    '--unsafe-no-fsync',
    '--quota-backend-bytes=8589934592',
    '--log-level=warn',
  ],
  apiserver: (cluster, path) => [
    'kube-apiserver',
    '--etcd-servers=http://127.0.0.1:2379',
    `--advertise-address=${firstNode(cluster).address}`,
    '--secure-port=6443',
    `--tls-cert-file=${path('pki/apiserver.crt')}`,
    `--tls-private-key-file=${path('pki/apiserver.key')}`,
    `--client-ca-file=${path('pki/ca.crt')}`,
    `--kubelet-certificate-authority=${path('pki/ca.crt')}`,
    `--kubelet-client-certificate=${path('pki/kubelet-client.crt')}`,
    `--kubelet-client-key=${path('pki/kubelet-client.key')}`,
    // Node names do not resolve here.
    '--kubelet-preferred-address-types=InternalIP,Hostname',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${path('pki/sa.pub')}`,
    `--service-account-signing-key-file=${path('pki/sa.key')}`,
    `--service-cluster-ip-range=${cluster.serviceRange}`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged',
    '--enable-admission-plugins=NodeRestriction',
    `--requestheader-client-ca-file=${path('pki/front-ca.crt')}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${path('pki/front.crt')}`,
    `--proxy-client-key-file=${path('pki/front.key')}`,
    '--enable-aggregator-routing',
  ],
  kcm: (cluster, path) => [
    'kube-controller-manager',
    `--kubeconfig=${path('kcm.kubeconfig')}`,
    '--use-service-account-credentials',
    `--service-account-private-key-file=${path('pki/sa.key')}`,
    `--root-ca-file=${path('pki/ca.crt')}`,
    `--cluster-signing-cert-file=${path('pki/ca.crt')}`,
    `--cluster-signing-key-file=${path('pki/ca.key')}`,
    `--cluster-cidr=${cluster.podRange}`,
    `--service-cluster-ip-range=${cluster.serviceRange}`,
    '--allocate-node-cidrs=false',
    '--leader-elect=false',
    '--concurrent-replicaset-syncs=20',
    ...UNLIMITED,
  ],
  scheduler: (_, path) => [
    'kube-scheduler',
    `--kubeconfig=${path('scheduler.kubeconfig')}`,
    '--leader-elect=false',
    ...UNLIMITED,
  ],
  kwok: (cluster, path) => [
    `--kubeconfig=${path('kwok.kubeconfig')}`,
    '--manage-all-nodes=false',
    '--manage-nodes-with-label-selector=type=kwok',
    `--cidr=${kwokPodRange(cluster.podRange)}`,
    `--node-ip=${firstNode(cluster).address}`,
    '--node-lease-duration-seconds=40',
  ],
};

const NODE_ARGS: Readonly<Record<NodeComponent, (node: NodePlan, path: Path) => string[]>> = {
  containerd: (_, path) => [`--config=${path('containerd.toml')}`, '--log-level=warn'],
  kubelet: (node, path) => [
    'kubelet',
    `--config=${path('kubelet.yaml')}`,
    `--kubeconfig=${path('kubelet.kubeconfig')}`,
    `--hostname-override=${node.nodeName}`,
    `--root-dir=${path('kubelet')}`,
    `--cert-dir=${path('kubelet-pki')}`,
    `--node-ip=${node.address}`,
  ],
  proxy: (_, path) => ['kube-proxy', `--config=${path('proxy.yaml')}`],
};

/** Names by which pods, components and people reach the API server. */
export function apiServerNames(cluster: ClusterPlan): string[] {
  return [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    'localhost',
    '127.0.0.1',
    addressIn(cluster.serviceRange, 1),
    firstNode(cluster).address,
  ];
}

/** Linux allows 108 bytes for the path of a unix socket, with the zero at its end. */
const SOCKET_PATH_LIMIT = 107;

/** The longest socket below a node's folder; kubelet makes it. */
export function longestSocket(bed: BedFolder, cluster: ClusterPlan, node: NodePlan): { path: string; fits: boolean } {
  const path = join(nodePath(bed, cluster, node), 'kubelet/device-plugins/kubelet.sock');
  return { path, fits: Buffer.byteLength(path) <= SOCKET_PATH_LIMIT };
}
