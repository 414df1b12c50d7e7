import { REACH_PORT, type Target } from '#network/reach';
import { LABEL } from '#pkg/api';
import type { Namespace, Pod, Service } from '#pkg/kube';
import { type Client, clientPod, SERVER_NAME, type Side, sideOf } from './matrix.ts';

/** Value of `tombolo.io/component` on the namespaces of this command. */
export const COMPONENT = 'verify';

/** Pods end by themselves after this, whatever became of the command that made them. Seconds. */
const LIFETIME_SECONDS = 300;

type PodSpec = NonNullable<Pod['spec']>;

/** The namespace of one run. Admits the host's network, whatever the cluster's default is. */
export function scratchNamespace(name: string): Namespace {
  return {
    metadata: {
      name,
      labels: { [LABEL.component]: COMPONENT, 'pod-security.kubernetes.io/enforce': 'privileged' },
    },
  };
}

export interface PodImage {
  readonly image: string;
  readonly imagePullPolicy: string;
}

/** The pod that answers, on a node of this cluster or on the virtual node of `peer`. */
export function serverPod(side: Side, peer: string, image: PodImage): Pod {
  const probe = { tcpSocket: { port: REACH_PORT }, periodSeconds: 1 };
  const container = { readinessProbe: probe, securityContext: UNPRIVILEGED };
  return pod(SERVER_NAME[side], ['--mode', 'serve'], image, {
    ...placement(side, peer),
    containers: [{ name: 'server', ...container }],
    securityContext: POD_SECURITY,
  });
}

/** TCP and UDP of the server pod of that side. */
export function serverService(side: Side): Service {
  const port = (protocol: string) => ({ name: protocol.toLowerCase(), protocol, port: REACH_PORT });
  return {
    metadata: { name: SERVER_NAME[side] },
    spec: { selector: { app: SERVER_NAME[side] }, ports: [port('TCP'), port('UDP')] },
  };
}

/** The pod that tries `targets`, writes what came of it into its log, and ends. */
export function clientPodOf(client: Client, targets: readonly Target[], peer: string, image: PodImage): Pod {
  const isHost = client.startsWith('host');
  return pod(clientPod(client), ['--mode', 'measure', '--targets', JSON.stringify(targets)], image, {
    ...placement(sideOf(client), peer),
    containers: [{ name: 'client', securityContext: isHost ? PINGING_HOST : UNPRIVILEGED }],
    // Names of Services too, which the resolver of a host does not know.
    ...(isHost ? { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' } : { securityContext: POD_SECURITY }),
  });
}

/** All that the level "restricted" of pod security asks for, and ping without a right (the sysctl counts as safe). */
const POD_SECURITY: NonNullable<PodSpec['securityContext']> = {
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
  sysctls: [{ name: 'net.ipv4.ping_group_range', value: '0 2147483647' }],
};
const UNPRIVILEGED = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
/** The sysctl is the host's own there, and closed on most. */
const PINGING_HOST = { runAsUser: 0, capabilities: { drop: ['ALL'], add: ['NET_RAW'] } };

function placement(side: Side, peer: string): Partial<PodSpec> {
  if (side === 'there') return { nodeSelector: { [LABEL.peer]: peer } };
  const isReal = { matchExpressions: [{ key: LABEL.peer, operator: 'DoesNotExist' }] };
  return {
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [isReal] } } },
  };
}

function pod(name: string, args: string[], image: PodImage, spec: PodSpec): Pod {
  const shared = {
    ...image,
    args: ['/app/verify.js', ...args],
    resources: { requests: { cpu: '10m', memory: '48Mi' } },
  };
  return {
    metadata: { name, labels: { app: name } },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      activeDeadlineSeconds: LIFETIME_SECONDS,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...spec,
      containers: spec.containers.map((container) => ({ ...shared, ...container })),
    },
  };
}
