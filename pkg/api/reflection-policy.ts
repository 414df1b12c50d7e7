import { z } from 'zod';
import { defineKind, type TomboloObject } from './resource.ts';
import { conditions } from './shared-schemas.ts';

const kindRule = z.object({
  group: z.string().optional(),
  kind: z.string(),
  selector: z
    .object({
      matchLabels: z.record(z.string(), z.string()).optional(),
      matchExpressions: z
        .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).optional() }))
        .optional(),
    })
    .optional(),
});

const spec = z.object({
  namespaces: z
    .array(z.string())
    .optional()
    .meta({ description: 'Namespaces it holds for; absent = all offloaded ones.' }),
  select: z.array(kindRule).optional().meta({ description: 'Per kind: only what matches is copied.' }),
  never: z.array(kindRule).optional().meta({ description: 'Never copied, whatever an annotation says.' }),
  denyPrefixes: z
    .array(z.string())
    .max(64)
    .optional()
    .meta({ description: 'Labels and annotations with these prefixes are never copied.' }),
});

const status = z.object({ observedGeneration: z.int().optional(), conditions: conditions.optional() });

export const REFLECTION_POLICY = defineKind({
  kind: 'ReflectionPolicy',
  plural: 'reflectionpolicies',
  namespaced: false,
  shortNames: [],
  description: 'What may be copied to providers and what never.',
  spec,
  status,
  columns: [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }],
});

export type ReflectionPolicySpec = z.infer<typeof spec>;
export type ReflectionPolicy = TomboloObject<ReflectionPolicySpec, z.infer<typeof status>>;
