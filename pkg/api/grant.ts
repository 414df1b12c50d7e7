import { z } from 'zod';
import { defineKind, type TomboloObject } from './resource.ts';
import { offers } from './offers.ts';
import { conditions, resourceList, toleration } from './shared-schemas.ts';

/** Where remote pods may run at the provider. */
export const placement = z.object({
  nodeSelector: z.record(z.string(), z.string()).optional(),
  tolerations: z.array(toleration).optional(),
  nodeAffinity: z
    .looseObject({})
    .optional()
    .meta({ description: 'A NodeAffinity, as in a pod.', 'x-kubernetes-preserve-unknown-fields': true }),
  runtimeClassName: z.string().optional(),
});
export type Placement = z.infer<typeof placement>;

const spec = z.object({
  requested: resourceList.optional().meta({ description: 'Written by the consumer: what it asks for.' }),
  placement: placement.optional().meta({ description: 'Written by the consumer: nodes that count.' }),
  cordoned: z.boolean().optional().meta({ description: "Written by the provider's admin: no new pods." }),
});

const status = z.object({
  observedGeneration: z.int().optional(),
  granted: resourceList.optional(),
  used: resourceList.optional(),
  missing: z
    .array(z.string())
    .optional()
    .meta({ description: 'Keys that were asked for and that no eligible node has.' }),
  free: resourceList.optional().meta({ description: 'What eligible nodes could still place now.' }),
  node: z
    .object({
      labels: z.record(z.string(), z.string()).optional(),
      kubeletVersion: z.string().optional(),
      architecture: z.string().optional(),
      operatingSystem: z.string().optional(),
      nodes: z.int().optional(),
    })
    .optional()
    .meta({ description: 'What all eligible nodes agree on.' }),
  offers: offers.optional(),
  conditions: conditions.optional().meta({ description: 'Granted; Capacity; Ending (the provider ends the peering).' }),
});

export const GRANT = defineKind({
  kind: 'Grant',
  plural: 'grants',
  namespaced: true,
  shortNames: [],
  description: 'What this provider lends to one consumer for one of its virtual nodes.',
  spec,
  status,
  columns: [
    { name: 'Cpu', type: 'string', jsonPath: '.status.granted.cpu' },
    { name: 'Memory', type: 'string', jsonPath: '.status.granted.memory' },
    { name: 'Pods', type: 'string', jsonPath: '.status.granted.pods' },
    { name: 'Cordoned', type: 'boolean', jsonPath: '.spec.cordoned' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});

export type GrantSpec = z.infer<typeof spec>;
export type GrantStatus = z.infer<typeof status>;
export type Grant = TomboloObject<GrantSpec, GrantStatus>;
