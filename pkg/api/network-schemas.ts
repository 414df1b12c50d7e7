import { z } from 'zod';

/** Most ranges that one cluster announces, or has: each one costs rules and routes at every peer. */
export const MAX_RANGES = 64;

/** An address range in CIDR form; what it may be is decided by `network/cidr`, which says why not. */
export const range = z.string().max(49);
export const ranges = z.array(range).max(MAX_RANGES);

/** How one side calls a range of the other: alias = its prefix with the host bits of the original. */
export const rangeAlias = z.object({ original: range, alias: range });
export type RangeAlias = z.infer<typeof rangeAlias>;

/** SHA-256 of a cluster's public identity key, lower-case hex. */
const fingerprint = z.string().regex(/^[0-9a-f]{64}$/);

/** Most clusters that a range may be passed on by: each one adds a round trip and a translation. */
export const MAX_HOPS = 3;

/** A range of a third cluster that can be reached through the one that tells of it. */
export const transitRange = z.object({
  range: range.meta({ description: 'As the sender sees it: where packets through the sender go.' }),
  original: range.meta({ description: 'As its own cluster knows it.' }),
  origin: fingerprint.meta({ description: 'Whose it is.' }),
  hops: z
    .array(fingerprint)
    .min(1)
    .max(MAX_HOPS)
    .meta({ description: 'Who passed it on: first the peer of its own cluster, last the sender.' }),
});
export type TransitRange = z.infer<typeof transitRange>;

/** Whether packets between two peers may pass through this cluster, or our packets through a peer. */
export const transitChoice = z.enum(['Allow', 'Deny']);

/** Whether packets go between both clusters at all. */
export const networkMode = z.enum(['Tunnel', 'None']);
export type NetworkMode = z.infer<typeof networkMode>;

/** What one side of a peering tells the other about its network. */
export const announcement = z.object({
  publicKey: z
    .string()
    .max(44)
    .optional()
    .meta({ description: 'WireGuard key of the gateway, base64. Absent until the gateway has one.' }),
  nextPublicKey: z
    .string()
    .max(44)
    .optional()
    .meta({ description: 'The key that will follow, base64. Only while one is being rotated.' }),
  acceptedKey: z
    .string()
    .max(44)
    .optional()
    .meta({ description: 'The nextPublicKey of the receiver, once the gateway is prepared for it.' }),
  endpoints: z
    .array(z.string().max(261))
    .max(16)
    .optional()
    .meta({ description: 'host:port (UDP) where the gateway can be dialled, in order. Absent where it cannot be.' }),
  gatewayAddress: z
    .string()
    .max(45)
    .optional()
    .meta({ description: 'Where its gateway answers probes: an address within ranges.' }),
  mtuBytes: z.int().optional().meta({ description: 'The largest packet that devices at its end carry.' }),
  mode: networkMode
    .optional()
    .meta({ description: 'None: it wants no tunnel, and tells nothing else. Default Tunnel.' }),
  ranges: ranges.optional().meta({ description: 'Ranges of its own that the receiver may reach: pods and anchors.' }),
  aliases: z
    .array(rangeAlias)
    .max(MAX_RANGES)
    .optional()
    .meta({ description: 'How it sees the ranges of the receiver, and those that it reaches through it.' }),
  transit: z.array(transitRange).max(MAX_RANGES).optional().meta({
    description:
      'Ranges of third clusters that share an offloaded namespace with the receiver. Absent: it takes no part in transit, nor shall its own ranges be told to others.',
  }),
});
export type Announcement = z.infer<typeof announcement>;
