import { z } from 'zod';
import { defineKind, type TomboloObject } from './resource.ts';
import { discoverySource } from './discovered-cluster.ts';

/** One per domain, and one per node that has trouble with mDNS. */
const MAX_SOURCES = 1024;

const spec = z.object({
  requestedAt: z.iso
    .datetime()
    .optional()
    .meta({ description: 'Changing it makes every source look again at once; `tombolo discover` does.' }),
});

const sourceState = z.object({
  name: z.string().max(320).meta({ description: '`DNS example.com`, or `MDNS` and the name of the node.' }),
  source: discoverySource,
  healthy: z.boolean(),
  message: z.string().max(1024).optional().meta({ description: 'What is wrong with it, in a sentence.' }),
  lookedUpAt: z.iso.datetime().optional(),
});

const status = z.object({
  observedGeneration: z
    .int()
    .optional()
    .meta({ description: 'Generation whose lookups over DNS have ended, well or not.' }),
  sources: z
    .array(sourceState)
    .max(MAX_SOURCES)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
});

/** The sources of discovery as one object: how each is, and a way to have them look now. Its only instance is `cluster`. */
export const DISCOVERY = defineKind({
  kind: 'Discovery',
  plural: 'discoveries',
  namespaced: false,
  shortNames: [],
  description: 'How this cluster looks for others; what it found are the DiscoveredClusters.',
  spec,
  status,
  columns: [
    { name: 'Sources', type: 'string', jsonPath: '.status.sources[*].name' },
    { name: 'Healthy', type: 'string', jsonPath: '.status.sources[*].healthy' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [{ rule: 'self.metadata.name == "cluster"', message: 'the one Discovery is called cluster' }],
});

export type DiscoverySourceState = z.infer<typeof sourceState>;
export type DiscoverySpec = z.infer<typeof spec>;
export type DiscoveryStatus = z.infer<typeof status>;
export type Discovery = TomboloObject<DiscoverySpec, DiscoveryStatus>;
