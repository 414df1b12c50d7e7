import { z } from 'zod';

/** Most ranges that one cluster announces, or has: each one costs rules and routes at every peer. */
export const MAX_RANGES = 64;

/** An address range in CIDR form; what it may be is decided by `network/cidr`, which says why not. */
export const range = z.string().max(49);
export const ranges = z.array(range).max(MAX_RANGES);

/** How one side calls a range of the other: alias = its prefix with the host bits of the original. */
export const rangeAlias = z.object({ original: range, alias: range });
export type RangeAlias = z.infer<typeof rangeAlias>;

/** What one side of a peering tells the other about its network. */
export const announcement = z.object({
  publicKey: z
    .string()
    .max(44)
    .optional()
    .meta({ description: 'WireGuard key of the gateway, base64. Absent until the gateway has one.' }),
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
  ranges: ranges.optional().meta({ description: 'Ranges of its own that the receiver may reach: pods and anchors.' }),
  aliases: z
    .array(rangeAlias)
    .max(MAX_RANGES)
    .optional()
    .meta({ description: 'How it sees the ranges of the receiver.' }),
});
export type Announcement = z.infer<typeof announcement>;
