import { z } from 'zod';
import { defineKind, type TomboloObject } from './resource.ts';
import { resourceList } from './shared-schemas.ts';

const spec = z.object({
  action: z.enum(['Accept', 'Ask']).meta({
    description: 'Accept: a request of such a cluster is accepted by itself. Ask: such a cluster is asked by itself.',
  }),
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .meta({ description: 'The cluster that holds this key.' }),
  domain: z.string().min(1).max(253).optional().meta({
    description:
      'Clusters that this DNS domain lists with their key. Whoever writes that zone, or answers for it, decides who they are.',
  }),
  labels: z
    .record(z.string(), z.string())
    .optional()
    .meta({ description: 'Labels that the record must have; only beside domain, since a cluster labels itself.' }),
  limits: resourceList.optional().meta({ description: 'Accept: most that such a peer may be granted.' }),
  resources: resourceList.optional().meta({ description: 'Ask: what the virtual node asks for.' }),
});

export const PEERING_RULE = defineKind({
  kind: 'PeeringRule',
  plural: 'peeringrules',
  namespaced: false,
  shortNames: [],
  description: 'Asks or accepts clusters by itself. Without one, a person decides each time.',
  spec,
  status: z.object({}),
  columns: [
    { name: 'Action', type: 'string', jsonPath: '.spec.action' },
    { name: 'Domain', type: 'string', jsonPath: '.spec.domain' },
    { name: 'Fingerprint', type: 'string', jsonPath: '.spec.fingerprint', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [
    {
      rule: 'has(self.spec.fingerprint) || has(self.spec.domain)',
      message: 'a rule names a fingerprint or a domain: it never counts for everybody',
    },
    { rule: '!has(self.spec.labels) || has(self.spec.domain)', message: 'labels count only beside a domain' },
    { rule: "!has(self.spec.limits) || self.spec.action == 'Accept'", message: 'limits belong to action Accept' },
    { rule: "!has(self.spec.resources) || self.spec.action == 'Ask'", message: 'resources belong to action Ask' },
  ],
});

export type PeeringRuleSpec = z.infer<typeof spec>;
export type PeeringRule = TomboloObject<PeeringRuleSpec, Record<string, never>>;
