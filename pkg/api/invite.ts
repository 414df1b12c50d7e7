import { z } from 'zod';
import { defineKind, type TomboloObject } from './resource.ts';
import { resourceList } from './shared-schemas.ts';

const spec = z.object({
  secretHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .meta({ description: 'SHA-256 of the secret of the token, lower-case hex.' }),
  expiresAt: z.iso.datetime(),
  limits: resourceList.optional().meta({ description: 'Copied to the Peer that redeems.' }),
});

const status = z.object({
  redeemedBy: z
    .string()
    .optional()
    .meta({ description: 'Fingerprint of the cluster that used it; only that one may use it again.' }),
  redeemedAt: z.iso.datetime().optional(),
  peer: z.string().optional(),
});

export const INVITE = defineKind({
  kind: 'Invite',
  plural: 'invites',
  namespaced: true,
  shortNames: [],
  description: 'One-shot, expiring permission to peer with this cluster.',
  spec,
  status,
  columns: [
    { name: 'Expires', type: 'string', jsonPath: '.spec.expiresAt' },
    { name: 'Peer', type: 'string', jsonPath: '.status.peer' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});

export type InviteSpec = z.infer<typeof spec>;
export type InviteStatus = z.infer<typeof status>;
export type Invite = TomboloObject<InviteSpec, InviteStatus>;
