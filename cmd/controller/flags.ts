import { Resolver } from 'node:dns';
import { isIP } from 'node:net';
import { z } from 'zod';
import { NO_OFFERS, offers, SYSTEM_NAMESPACE } from '#pkg/api';
import { processFlags } from '#pkg/runtime';

const port = z.coerce.number().int().min(0).max(65_535);

const addresses = z
  .string()
  .default('')
  .transform((text) => text.split(',').filter((address) => address !== ''));

/** What `node:dns` takes as a server. */
const resolver = z.string().refine((text) => {
  try {
    new Resolver().setServers([text]);
    return Number(/\]?:(\d+)$/.exec(isIP(text) === 6 ? '' : text)?.[1] ?? 53) < 65_536;
  } catch {
    return false; // the message says what it has to be
  }
}, 'is IP, IP:PORT or [IP]:PORT');

const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    context.addIssue(`is no JSON: ${String(error)}`);
    return z.NEVER;
  }
});

const schema = z.object({
  clusterName: z
    .string()
    .max(48)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'is a DNS label of at most 48 characters'),
  systemNamespace: z.string().default(SYSTEM_NAMESPACE),
  /** host:port, comma separated, under which other clusters reach the peering endpoint; empty = found from the Service. */
  peeringAddresses: addresses,
  /** host:port (UDP), comma separated, under which other gateways reach ours; empty = found from the Service. */
  gatewayEndpoints: addresses,
  /** URL that peers use for our API server; empty = the endpoints of the Service `kubernetes`, else the relay. */
  apiServer: z.union([z.url(), z.literal('')]).default(''),
  /** Domains whose `_tombolo._tcp` SRV records are looked up, comma separated; empty = none. */
  discoveryDomains: addresses,
  /** Whom to ask for them; empty = the resolver of the pod. */
  discoveryResolver: z.union([z.literal(''), resolver]).default(''),
  discoveryPeriodSeconds: z.coerce.number().int().min(5).max(3600).default(30),
  /** `true` where agents look for clusters on their links. */
  discoveryMdns: z.enum(['true', 'false']).default('false'),
  tokenLifetimeSeconds: z.coerce.number().int().min(600).max(86_400).default(3600),
  /** How long a request of another cluster waits for approval. */
  requestLifetimeSeconds: z.coerce.number().int().min(60).max(2_592_000).default(86_400),
  /** What peers may use besides room for pods, as JSON like `spec.offers` of a Peer, which wins. */
  offers: json.pipe(offers).default(NO_OFFERS),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  peeringPort: port.default(7443),
  webhookPort: port.default(9443),
  quotaPort: port.default(9444),
  healthPort: port.default(8080),
  signer: z.string().default('kubernetes.io/kubelet-serving'),
  podName: z.string().min(1),
  podUid: z.string().min(1),
});

export type ControllerFlags = z.infer<typeof schema>;

/** Flags of the controller. @throws CodedError `BadFlag` */
export function parseFlags(args: readonly string[], env: NodeJS.ProcessEnv): ControllerFlags {
  return processFlags(
    { process: 'tombolo controller', schema, fromEnv: { podName: 'POD_NAME', podUid: 'POD_UID' } },
    args,
    env,
  );
}
