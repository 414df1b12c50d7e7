import { z } from 'zod';
import { defineKind, type TomboloObject } from './resource.ts';
import { peerName, resourceList } from './shared-schemas.ts';

const decision = z
  .object({
    verdict: z.enum(['Accept', 'Reject']),
    name: peerName.optional().meta({ description: 'What to call the peer here; default: what it calls itself.' }),
    limits: resourceList.optional().meta({ description: 'Most that the peer may be granted.' }),
  })
  .meta({ description: 'Written by whoever decides: `tombolo accept`, `tombolo reject`, or kubectl.' });

const spec = z.object({
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .meta({ description: 'Key that the asking cluster has proven to hold: SHA-256 of its SPKI, lower-case hex.' }),
  clusterName: peerName.meta({ description: 'What the asking cluster calls itself.' }),
  addresses: z
    .array(z.string().max(300))
    .max(16)
    .optional()
    .meta({ description: 'host:port where it says that it can be dialled.' }),
  version: z.string().max(64).optional(),
  askedAt: z
    .string()
    .max(64)
    .meta({ description: 'The wish that it belongs to, as the asking cluster wrote it; another one asks anew.' }),
  expiresAt: z.iso.datetime().meta({ description: 'When waiting ends; may be changed while it waits.' }),
  decision: decision.optional(),
});

const status = z.object({
  state: z.enum(['Waiting', 'Accepted', 'Rejected', 'Expired']).optional(),
  message: z.string().optional().meta({ description: 'A sentence for people.' }),
  comparison: z.string().optional().meta({
    description: 'Short fingerprints of the asking and of the asked cluster; the asking side shows the same text.',
  }),
  peer: z.string().optional().meta({ description: 'Name of the Peer that acceptance made.' }),
  rule: z.string().optional().meta({ description: 'The PeeringRule that accepted it; absent where a person did.' }),
  endedAt: z.iso.datetime().optional(),
});

export const PEERING_REQUEST = defineKind({
  kind: 'PeeringRequest',
  plural: 'peeringrequests',
  namespaced: true,
  shortNames: [],
  description: 'Another cluster asks to use this one, and has no right here until somebody accepts.',
  spec,
  status,
  columns: [
    { name: 'Cluster', type: 'string', jsonPath: '.spec.clusterName' },
    { name: 'State', type: 'string', jsonPath: '.status.state' },
    { name: 'Compare', type: 'string', jsonPath: '.status.comparison' },
    { name: 'Peer', type: 'string', jsonPath: '.status.peer' },
    { name: 'Expires', type: 'string', jsonPath: '.spec.expiresAt', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [
    { rule: 'self.spec.fingerprint == oldSelf.spec.fingerprint', message: 'who asked does not change' },
    { rule: 'self.spec.clusterName == oldSelf.spec.clusterName', message: 'who asked does not change' },
  ],
});

export type PeeringRequestSpec = z.infer<typeof spec>;
export type PeeringRequestStatus = z.infer<typeof status>;
export type PeeringRequest = TomboloObject<PeeringRequestSpec, PeeringRequestStatus>;
