import { z } from 'zod';
import { SYSTEM_NAMESPACE } from '#pkg/api';
import { processFlags } from '#pkg/runtime';

const port = z.coerce.number().int().min(0).max(65_535);

const schema = z.object({
  clusterName: z.string().min(1),
  systemNamespace: z.string().default(SYSTEM_NAMESPACE),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  healthPort: port.default(8080),
  /** First port to try for the endpoint of a virtual node. */
  basePort: port.default(10_260),
  signer: z.string().default('kubernetes.io/kubelet-serving'),
  /** Whether a gateway of this cluster builds tunnels to its peers. */
  network: z.enum(['on', 'off']).default('off'),
  podName: z.string().min(1),
  podUid: z.string().min(1),
  podIp: z.string().min(1),
});

export type KubeletFlags = z.infer<typeof schema>;

/** Flags of the kubelet process. @throws CodedError `BadFlag` */
export function parseFlags(args: readonly string[], env: NodeJS.ProcessEnv): KubeletFlags {
  const fromEnv = { podName: 'POD_NAME', podUid: 'POD_UID', podIp: 'POD_IP' };
  return processFlags({ process: 'tombolo kubelet', schema, fromEnv }, args, env);
}
