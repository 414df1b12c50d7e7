import { z } from 'zod';
import { SYSTEM_NAMESPACE } from '#pkg/api';
import { processFlags } from '#pkg/runtime';

const port = z.coerce.number().int().min(1).max(65_535);

const list = z
  .string()
  .default('')
  .transform((text) => text.split(',').filter((entry) => entry !== ''));

const pairOf = (text: string): [string, string] => {
  const [key = '', ...value] = text.split('=');
  return [key, value.join('=')];
};

const schema = z.object({
  clusterName: z.string().min(1),
  systemNamespace: z.string().default(SYSTEM_NAMESPACE),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  /** On the host's network, so a number that nothing else has. */
  healthPort: z.coerce.number().int().min(0).max(65_535).default(51_843),
  /** UDP, of the overlay between nodes and gateway. */
  overlayPort: port.default(51_840),
  /** `off` only where the CNI receives from pods by other devices than it sends to them. */
  reversePath: z.enum(['strict', 'off']).default('strict'),
  /** `true`: tell the links of the node of this cluster, and listen for others. */
  mdns: z.enum(['true', 'false']).default('false'),
  /** Comma separated; empty = the interface with the node's address. */
  mdnsInterfaces: list,
  /** What is told beside name and key, as `key=value`, comma separated. */
  mdnsLabels: list.transform((pairs) => Object.fromEntries(pairs.map(pairOf))),
  nodeName: z.string().min(1),
  nodeAddress: z.string().min(1),
});

export type AgentFlags = z.infer<typeof schema>;

/** Flags of the agent. @throws CodedError `BadFlag` */
export function parseFlags(args: readonly string[], env: NodeJS.ProcessEnv): AgentFlags {
  // A pod on the host's network has the node's address.
  const fromEnv = { nodeName: 'NODE_NAME', nodeAddress: 'POD_IP' };
  return processFlags({ process: 'tombolo agent', schema, fromEnv }, args, env);
}
