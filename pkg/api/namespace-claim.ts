import { z } from 'zod';
import { defineKind, type TomboloObject } from './resource.ts';
import { conditions } from './shared-schemas.ts';

const spec = z
  .object({
    homeNamespace: z.string().max(63),
    twinStrategy: z.enum(['Default', 'Same', 'Named']),
    twinName: z.string().max(63).optional(),
    onEnd: z.enum(['Delete', 'Retain']).optional(),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: 'self.homeNamespace == oldSelf.homeNamespace && self.twinStrategy == oldSelf.twinStrategy',
        message: 'a claim is for one namespace and one twin; make another one',
      },
    ],
  });

const status = z.object({
  observedGeneration: z.int().optional(),
  state: z.enum(['Waiting', 'Accepted', 'Refused', 'Ending']).optional(),
  reason: z.string().optional().meta({ description: 'Accepted, NameTaken, NameReserved, Waiting, …' }),
  message: z.string().optional(),
  twin: z.string().optional(),
  ownerUid: z.string().optional().meta({ description: 'UID of the ConfigMap tombolo-twin in the twin.' }),
  conditions: conditions.optional(),
});

export const NAMESPACE_CLAIM = defineKind({
  kind: 'NamespaceClaim',
  plural: 'namespaceclaims',
  namespaced: true,
  shortNames: [],
  description: 'The request of a consumer for a twin namespace.',
  spec,
  status,
  columns: [
    { name: 'Home', type: 'string', jsonPath: '.spec.homeNamespace' },
    { name: 'Twin', type: 'string', jsonPath: '.status.twin' },
    { name: 'State', type: 'string', jsonPath: '.status.state' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});

export type NamespaceClaimSpec = z.infer<typeof spec>;
export type NamespaceClaimStatus = z.infer<typeof status>;
export type NamespaceClaim = TomboloObject<NamespaceClaimSpec, NamespaceClaimStatus>;
