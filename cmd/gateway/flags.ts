import { z } from 'zod';
import { SYSTEM_NAMESPACE } from '#pkg/api';
import { processFlags } from '#pkg/runtime';

const port = z.coerce.number().int().min(1).max(65_535);

const schema = z.object({
  clusterName: z.string().min(1),
  systemNamespace: z.string().default(SYSTEM_NAMESPACE),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  healthPort: z.coerce.number().int().min(0).max(65_535).default(8080),
  /** UDP, of the tunnel. */
  tunnelPort: port.default(51_820),
  /** UDP, of the overlay between nodes and gateway. */
  overlayPort: port.default(51_840),
  /** UDP, of probes inside the tunnel: the same at all peers. */
  probePort: port.default(51_841),
  /** UDP, between the replicas. */
  heartbeatPort: port.default(51_842),
  /** WireGuard of the kernel or wireguard-go. */
  wireguard: z.enum(['auto', 'kernel', 'userspace']).default('auto'),
  podUid: z.string().min(1),
  podIp: z.string().min(1),
  /** Where a pod reaches the API of its cluster, as Kubernetes tells it. */
  apiHost: z.string().min(1),
  apiPort: port,
});

export type GatewayFlags = z.infer<typeof schema>;

/** Flags of the gateway. @throws CodedError `BadFlag` */
export function parseFlags(args: readonly string[], env: NodeJS.ProcessEnv): GatewayFlags {
  return processFlags(
    {
      process: 'tombolo gateway',
      schema,
      fromEnv: {
        podUid: 'POD_UID',
        podIp: 'POD_IP',
        apiHost: 'KUBERNETES_SERVICE_HOST',
        apiPort: 'KUBERNETES_SERVICE_PORT',
      },
    },
    args,
    env,
  );
}
