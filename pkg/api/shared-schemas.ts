import { z } from 'zod';

/** metav1.Condition. */
export const condition = z
  .object({
    type: z.string(),
    status: z.enum(['True', 'False', 'Unknown']),
    reason: z.string(),
    message: z.string(),
    lastTransitionTime: z.iso.datetime(),
    observedGeneration: z.int().optional(),
  })
  .meta({ description: 'One fact about the object, with a sentence for people.' });

export type Condition = z.infer<typeof condition>;

export const conditions = z
  .array(condition)
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });

/** Amounts by resource name, as in a ResourceQuota: `{ cpu: '4', memory: '8Gi', pods: '110' }`. */
export const resourceList = z
  .record(z.string(), z.union([z.int(), z.string()]).meta({ 'x-kubernetes-int-or-string': true }))
  .meta({ description: 'Amounts by resource name (Kubernetes quantities).' });

export type ResourceList = Record<string, string | number>;

/** A DNS label of at most 48 characters, so that names made from it still fit (PEER-12). */
export const peerName = z
  .string()
  .min(1)
  .max(48)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
  .meta({ description: 'DNS label, at most 48 characters.' });

export const toleration = z.looseObject({
  key: z.string().optional(),
  operator: z.string().optional(),
  value: z.string().optional(),
  effect: z.string().optional(),
  tolerationSeconds: z.int().optional(),
});

export const selectorTerm = z
  .object({
    matchExpressions: z
      .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).optional() }))
      .optional(),
  })
  .meta({ description: 'Expressions that must all hold for the labels of a virtual node.' });

export type SelectorTerm = z.infer<typeof selectorTerm>;
