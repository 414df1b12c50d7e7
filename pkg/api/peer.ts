import { z } from 'zod';
import { defineKind, type TomboloObject } from './resource.ts';
import { MAX_RANGES, networkMode, rangeAlias, transitChoice, transitRange } from './network-schemas.ts';
import { offers } from './offers.ts';
import { conditions, peerName, resourceList } from './shared-schemas.ts';

export const role = z.enum(['Consume', 'Provide']);
export type Role = z.infer<typeof role>;

const apiMode = z.enum(['Auto', 'Direct', 'Relay']);
export type ApiMode = z.infer<typeof apiMode>;

const spec = z.object({
  roles: z.array(role).meta({
    description:
      'What this side wants: Consume = use capacity of the peer, Provide = lend capacity to it. Taking a role away ends that direction.',
    'x-kubernetes-list-type': 'set',
  }),
  addresses: z.array(z.string()).max(16).optional().meta({
    description: 'host:port of the peering endpoint of the peer, tried in order. Absent where only the peer dials.',
  }),
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .meta({
      description: 'SHA-256 of the public identity key (SPKI) of the peer, lower-case hex. Everything else is refused.',
    }),
  request: z
    .object({ askedAt: z.iso.datetime().meta({ description: 'A new time asks again after the answer was no.' }) })
    .optional()
    .meta({ description: 'Ask the peer to let us use it, and wait until somebody there accepts.' }),
  api: z
    .object({ mode: apiMode.optional() })
    .optional()
    .meta({ description: 'How to reach the API server of the peer: Auto (default) tries Direct, then Relay.' }),
  network: z.object({ mode: networkMode.optional() }).optional().meta({
    description:
      'None: no tunnel to the peer; pods run there, and no packet goes between them and this cluster. Default Tunnel.',
  }),
  limits: resourceList
    .optional()
    .meta({ description: 'Provider: most that this peer may be granted, over all its grants.' }),
  allowedTwinNames: z.array(z.string()).optional().meta({
    description:
      'Provider: patterns (with *) of names that twins of this peer may have; default *-<peer> and the plain home name.',
  }),
  transit: transitChoice.optional().meta({
    description:
      'Deny: nothing passes through this cluster from or to that peer, nor through that peer to third clusters. Default Allow.',
  }),
  offers: offers.optional().meta({
    description:
      'Provider: what this peer may use besides room for pods, instead of what is offered to all (chart value).',
  }),
  drainTimeoutSeconds: z
    .int()
    .min(0)
    .optional()
    .meta({ description: 'How long unpeer waits for evictions; default 300.' }),
});

const network = z.object({
  mode: networkMode.optional().meta({
    description: 'None: there is no tunnel, because one side wants none or the peer is this cluster itself.',
  }),
  aliases: z.array(rangeAlias).max(MAX_RANGES).optional().meta({
    description: 'How we see the ranges of the peer, and those of third clusters that are reached through it.',
  }),
  ourAliases: z.array(rangeAlias).max(MAX_RANGES).optional().meta({
    description: 'How the peer sees our ranges, and those of third clusters that it reaches through us.',
  }),
  transit: z
    .array(transitRange.extend({ problem: z.string().optional() }))
    .max(MAX_RANGES)
    .optional()
    .meta({
      description:
        'Ranges of third clusters that the peer offers to pass packets to, and why one has no alias here. Absent: one of both sides takes no part.',
    }),
  freed: z
    .array(rangeAlias.extend({ at: z.iso.datetime() }))
    .max(MAX_RANGES)
    .optional()
    .meta({ description: 'Aliases that were given back, and rest a while before they are given away again.' }),
  publicKey: z.string().optional().meta({ description: 'WireGuard key of its gateway, base64.' }),
  nextPublicKey: z.string().optional().meta({ description: 'The key that will follow, while it is being rotated.' }),
  acceptedKey: z.string().optional().meta({ description: 'The next key of ours that its gateway is prepared for.' }),
  endpoints: z
    .array(z.string())
    .optional()
    .meta({ description: 'host:port (UDP) of its gateway, in the order to try.' }),
  gatewayAddress: z.string().optional().meta({ description: 'Where its gateway answers probes, as the peer told it.' }),
  mtuBytes: z.int().optional().meta({ description: 'The largest packet that devices at its end carry.' }),
  homeApiAddress: z
    .string()
    .optional()
    .meta({ description: 'Where our pods at the peer reach the API of this cluster (TCP 443).' }),
});

const tunnel = z.object({
  endpoint: z.string().optional().meta({ description: 'ADDRESS:PORT (UDP) where its gateway was seen last.' }),
  lastHandshakeAt: z.iso.datetime().optional(),
  roundTripMilliseconds: z.number().optional().meta({ description: 'From gateway to gateway, smoothed.' }),
  lossPercent: z.number().optional().meta({ description: 'Of the probes of the last 30 s.' }),
  acceptedKey: z.string().optional().meta({ description: 'The next key of its gateway that ours is prepared for.' }),
  mtuBytes: z.int().optional().meta({ description: 'The largest packet that reaches its gateway whole.' }),
  ownMtuBytes: z.int().optional().meta({ description: 'The largest packet that devices at our end carry.' }),
});

const unreachable = z.object({
  service: z.enum(['PeeringEndpoint', 'ApiServer']),
  address: z.string().meta({ description: 'host:port (TCP), as it was dialled.' }),
  reason: z.enum(['NameNotResolved', 'ConnectionRefused', 'NoRoute', 'NoAnswer', 'Failed']),
  message: z.string(),
});

const status = z.object({
  phase: z.enum(['Pending', 'Connecting', 'AwaitingApproval', 'Ready', 'Degraded', 'Ending', 'Failed']).optional(),
  step: z.string().optional().meta({ description: 'The step that is under way or failed, in words.' }),
  roles: z.array(role).optional().meta({ description: 'Directions that stand.' }),
  fingerprint: z.string().optional(),
  clusterName: z.string().optional().meta({ description: 'What the peer calls itself.' }),
  nameThere: z
    .string()
    .optional()
    .meta({ description: 'What the peer calls us; the origin label of everything we make there.' }),
  remoteTenantNamespace: z.string().optional(),
  tenantNamespace: z.string().optional(),
  apiServer: z.string().optional(),
  apiPath: z.enum(['Direct', 'Relay']).optional(),
  version: z.string().optional(),
  kubernetesVersion: z.string().optional(),
  roundTripMilliseconds: z.number().optional(),
  credentialExpiresAt: z.iso.datetime().optional(),
  lastVerifiedAt: z.iso.datetime().optional(),
  lastContactAt: z.iso
    .datetime()
    .optional()
    .meta({ description: 'Provider: when the consumer last showed its key at our peering endpoint.' }),
  consumerReleased: z
    .boolean()
    .optional()
    .meta({ description: 'Provider: the consumer ended its direction; what it had here is being removed.' }),
  network: network.optional().meta({ description: 'The network of the peer, as seen from here.' }),
  unreachable: z
    .array(unreachable)
    .max(32)
    .optional()
    .meta({ description: 'What of the peer gave no answer the last two times. Absent: all that we dial answers.' }),
  clockOffsetSeconds: z.int().optional().meta({
    description: 'The clock of the peer minus ours, as its peering endpoint said last; two seconds are no difference.',
  }),
  tunnel: tunnel.optional().meta({ description: 'The tunnel to its gateway, as ours measures it.' }),
  conditions: conditions.optional(),
});

export const PEER = defineKind({
  kind: 'Peer',
  plural: 'peers',
  namespaced: false,
  shortNames: [],
  description: 'The other cluster of a peering, seen from here.',
  spec,
  status,
  columns: [
    { name: 'Roles', type: 'string', jsonPath: '.spec.roles' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Api', type: 'string', jsonPath: '.status.conditions[?(@.type=="ApiReachable")].status' },
    { name: 'Network', type: 'string', jsonPath: '.status.conditions[?(@.type=="NetworkReady")].status' },
    { name: 'Fingerprint', type: 'string', jsonPath: '.status.fingerprint', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [
    {
      rule: 'self.metadata.name.size() <= 48 && self.metadata.name.matches("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")',
      message: 'a peer name is a DNS label of at most 48 characters',
    },
  ],
});

export type PeerSpec = z.infer<typeof spec>;
export type PeerNetwork = z.infer<typeof network>;
export type PeerTunnel = z.infer<typeof tunnel>;
export type Unreachable = z.infer<typeof unreachable>;
export type PeerStatus = z.infer<typeof status>;
export type Peer = TomboloObject<PeerSpec, PeerStatus>;
export { peerName };
