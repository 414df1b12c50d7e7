import { parseArgs } from 'node:util';
import { z } from 'zod';
import { SYSTEM_NAMESPACE } from '#pkg/api';
import { CodedError } from '#pkg/runtime';

const port = z.coerce.number().int().min(0).max(65_535);

const schema = z.object({
  clusterName: z
    .string()
    .max(48)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'is a DNS label of at most 48 characters'),
  systemNamespace: z.string().default(SYSTEM_NAMESPACE),
  /** host:port, comma separated, under which other clusters reach the peering endpoint; empty = found from the Service. */
  peeringAddresses: z
    .string()
    .default('')
    .transform((text) => text.split(',').filter((address) => address !== '')),
  /** URL that peers use for our API server; empty = the endpoints of the Service `kubernetes`, else the relay. */
  apiServer: z.union([z.url(), z.literal('')]).default(''),
  tokenLifetimeSeconds: z.coerce.number().int().min(600).max(86_400).default(3600),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  peeringPort: port.default(7443),
  webhookPort: port.default(9443),
  quotaPort: port.default(9444),
  healthPort: port.default(8080),
  signer: z.string().default('kubernetes.io/kubelet-serving'),
  podName: z.string().min(1),
  podUid: z.string().min(1),
  podIp: z.string().min(1),
});

export type ControllerFlags = z.infer<typeof schema>;

/** Flag, environment variable that the chart fills from the downward API, or neither. */
const OPTIONS = {
  'cluster-name': { type: 'string' },
  'system-namespace': { type: 'string' },
  'peering-addresses': { type: 'string' },
  'api-server': { type: 'string' },
  'token-lifetime-seconds': { type: 'string' },
  'log-level': { type: 'string' },
  'peering-port': { type: 'string' },
  'webhook-port': { type: 'string' },
  'quota-port': { type: 'string' },
  'health-port': { type: 'string' },
  signer: { type: 'string' },
} as const;

/**
 * Flags of the controller. The only place that reads arguments and environment.
 * @throws CodedError `BadFlag`, naming the flag, what it was and what it must be
 */
export function parseFlags(args: readonly string[], env: NodeJS.ProcessEnv): ControllerFlags {
  const bad = (why: string, cause?: unknown) =>
    new CodedError(
      { BadFlag: { retryable: false, next: 'correct the flag in the chart values and install again' } },
      'BadFlag',
      { attempted: 'read the flags', where: 'tombolo controller', why },
      { cause },
    );
  let values: Record<string, string | undefined>;
  try {
    values = parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;
  } catch (cause) {
    throw bad((cause as Error).message, cause);
  }
  const named = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
  const result = schema.safeParse({
    ...named,
    podName: env['POD_NAME'],
    podUid: env['POD_UID'],
    podIp: env['POD_IP'],
  });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw bad(`${String(issue?.path[0] ?? 'flag')} ${issue?.message ?? 'is wrong'}`, result.error);
}
