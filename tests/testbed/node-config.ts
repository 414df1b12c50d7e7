import { type ClusterPlan, type NodePlan, addressIn } from './address-plan.ts';

/** Configuration files of a node, as text. Paths in them are absolute. */
export interface NodePaths {
  /** Folder of the node; everything it writes is below. */
  readonly node: string;
  /** Folder with `ca.crt` of the cluster. */
  readonly pki: string;
  /** Cgroup below which pods are, relative to each hierarchy. */
  readonly podCgroup: string;
  /** `overlayfs`, or `native` where the folder itself lies on an overlay, which cannot be stacked. */
  readonly snapshotter: 'overlayfs' | 'native';
}

/**
 * containerd 1.6. Its own root, state, sockets and runc root, so that beds and the host's containerd never meet;
 * namespaces of pods are mounted below its state folder for the same reason.
 */
export function containerdConfig({ node, snapshotter }: NodePaths): string {
  return `version = 2
root = "${node}/containerd/root"
state = "${node}/containerd/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]

[grpc]
  address = "${node}/containerd.sock"

[plugins."io.containerd.internal.v1.opt"]
  path = "${node}/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "tombolo.test/pause:1"
  # Without CAP_SYS_RESOURCE in our own container, runc may not lower oom scores and dies.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  tolerate_missing_hugetlb_controller = true
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${node}/cni"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${snapshotter}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "${node}/runc"
`;
}

/**
 * CNI: `ptp` routes between pods of one node too. With a bridge, the answer of a Service's pod to a pod of the same
 * node would pass below the host's NAT unless br_netfilter is loaded, which a container host cannot rely on.
 */
export function cniConfig({ node }: NodePaths, podRange: string): string {
  const config = {
    cniVersion: '0.4.0',
    name: 'testbed',
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
          dataDir: `${node}/ipam`,
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

export function kubeletConfig({ node, pki, podCgroup }: NodePaths, cluster: ClusterPlan): string {
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${pki}/ca.crt` },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: `${node}/pki/kubelet.crt`,
    tlsPrivateKeyFile: `${node}/pki/kubelet.key`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${podCgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    maxPods: 250,
    clusterDNS: [addressIn(cluster.serviceRange, 10)],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: `unix://${node}/containerd.sock`,
    podLogsDir: `${node}/podlogs`,
    resolvConf: `${node}/resolv.conf`,
    serializeImagePulls: false,
    // The host's disk may be nearly full of other things. Images cannot be pulled again, so they are never collected.
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '100Mi',
      'imagefs.available': '100Mi',
      'nodefs.inodesFree': '1%',
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    // As the controller manager and the scheduler: a benchmark measures Tombolo, not client-side limits.
    kubeAPIQPS: 1000,
    kubeAPIBurst: 2000,
    eventRecordQPS: 0,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

export function proxyConfig({ node }: NodePaths, cluster: ClusterPlan, { nodeName }: NodePlan): string {
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: `${node}/proxy.kubeconfig` },
    clusterCIDR: cluster.podRange,
    hostnameOverride: nodeName,
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    // Conntrack limits are the host's; a namespace may not set them.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

export interface KubeconfigOptions {
  readonly cluster: string;
  readonly server: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** A kubeconfig with everything inside, so that it can be copied anywhere. JSON is YAML. */
export function kubeconfig({ cluster, server, caPem, certPem, keyPem }: KubeconfigOptions): string {
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': base64(caPem) } }],
    users: [
      {
        name: `${cluster}-admin`,
        user: { 'client-certificate-data': base64(certPem), 'client-key-data': base64(keyPem) },
      },
    ],
    contexts: [{ name: cluster, context: { cluster, user: `${cluster}-admin` } }],
    'current-context': cluster,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
