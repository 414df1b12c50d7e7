import { z } from 'zod';
import { placement } from './grant.ts';
import { offers } from './offers.ts';
import { defineKind, type TomboloObject } from './resource.ts';
import { conditions, resourceList } from './shared-schemas.ts';

const spec = z.object({
  peer: z.string().meta({
    'x-kubernetes-validations': [
      { rule: 'self == oldSelf', message: 'the peer of a virtual node cannot change; make another one' },
    ],
  }),
  resources: resourceList.optional().meta({
    description:
      'What to ask the provider for. Keys not named get defaults: cpu 4, memory 8Gi, ephemeral-storage 20Gi, pods 110.',
  }),
  labels: z.record(z.string(), z.string()).optional(),
  taints: z
    .array(
      z.object({
        key: z.string(),
        value: z.string().optional(),
        effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
      }),
    )
    .optional(),
  placement: placement.optional(),
  networkCheck: z
    .boolean()
    .optional()
    .meta({ description: 'Whether a lost tunnel makes the node not ready; default true.' }),
  drainTimeoutSeconds: z
    .int()
    .min(0)
    .optional()
    .meta({ description: 'How long a removal waits for evictions; default 300.' }),
});

const status = z.object({
  observedGeneration: z.int().optional(),
  nodeName: z.string().optional(),
  granted: resourceList.optional(),
  used: resourceList.optional(),
  free: resourceList.optional(),
  cordoned: z.boolean().optional(),
  missing: z.array(z.string()).optional(),
  node: z
    .object({
      labels: z.record(z.string(), z.string()).optional(),
      kubeletVersion: z.string().optional(),
      architecture: z.string().optional(),
      operatingSystem: z.string().optional(),
      nodes: z.int().optional(),
    })
    .optional(),
  offers: offers.optional(),
  conditions: conditions.optional().meta({ description: 'Granted; Ready; Draining.' }),
});

export const VIRTUAL_NODE = defineKind({
  kind: 'VirtualNode',
  plural: 'virtualnodes',
  namespaced: false,
  shortNames: ['vn'],
  description: 'A node of this cluster that stands for one grant of a provider.',
  spec,
  status,
  columns: [
    { name: 'Peer', type: 'string', jsonPath: '.spec.peer' },
    { name: 'Cpu', type: 'string', jsonPath: '.status.granted.cpu' },
    { name: 'Memory', type: 'string', jsonPath: '.status.granted.memory' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});

export type VirtualNodeSpec = z.infer<typeof spec>;
export type VirtualNodeStatus = z.infer<typeof status>;
export type VirtualNode = TomboloObject<VirtualNodeSpec, VirtualNodeStatus>;
