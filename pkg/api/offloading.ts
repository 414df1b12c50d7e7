import { z } from 'zod';
import { defineKind, type TomboloObject } from './resource.ts';
import { conditions, selectorTerm } from './shared-schemas.ts';

export const podStrategy = z.enum(['LocalAndRemote', 'Remote', 'Local']);
export type PodStrategy = z.infer<typeof podStrategy>;

/** Which API server a pod talks to: of this cluster, of the one that runs it, or none. */
export const apiAccess = z.enum(['home', 'provider', 'none']);
export type ApiAccess = z.infer<typeof apiAccess>;

const twin = z
  .object({
    strategy: z.enum(['Default', 'Same', 'Named']),
    name: z.string().max(63).optional().meta({ description: 'Only with Named.' }),
  })
  .meta({
    description: 'Name of the twin there: Default = <namespace>-<consumer>, Same = <namespace>, Named = name.',
    'x-kubernetes-validations': [
      {
        rule: "self.strategy == 'Named' ? has(self.name) && self.name != '' : !has(self.name)",
        message: 'twin.name belongs to strategy Named, and Named needs it',
      },
    ],
  });

const spec = z.object({
  podStrategy: podStrategy.optional().meta({ description: 'Default LocalAndRemote.' }),
  peerSelector: z
    .array(selectorTerm)
    .optional()
    .meta({ description: 'Virtual nodes by label: terms are OR, expressions in a term AND. Absent = all.' }),
  twin: twin.optional(),
  apiAccess: apiAccess.optional().meta({
    description:
      'API that remote pods talk to where their annotation tombolo.io/api-access does not say: home (default) with their own service account, provider, or none. For pods made later.',
  }),
  drainTimeoutSeconds: z.int().min(0).optional(),
  onEnd: z
    .enum(['Delete', 'Retain'])
    .optional()
    .meta({ description: 'What becomes of the twin namespaces; default Delete.' }),
});

const peerState = z.object({
  peer: z.string(),
  twin: z.string().optional().meta({ description: 'Name of the twin namespace there.' }),
  state: z.enum(['Waiting', 'Accepted', 'Refused', 'Ending']),
  reason: z.string(),
  message: z.string(),
  ownerUid: z
    .string()
    .optional()
    .meta({ description: 'UID of the ConfigMap tombolo-twin there, owner of bare remote pods.' }),
});

const status = z.object({
  observedGeneration: z.int().optional(),
  activated: z
    .boolean()
    .optional()
    .meta({ description: 'True once a claim was sent: the twin setting cannot change any more.' }),
  summary: z.string().optional(),
  peers: z
    .array(peerState)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['peer'] }),
  conditions: conditions.optional().meta({
    description:
      'Ready, with the summary reason: AllReady, Waiting, SomeFailed, AllFailed, NoPeerSelected, Terminating.',
  }),
});

export const OFFLOADING = defineKind({
  kind: 'Offloading',
  plural: 'offloadings',
  namespaced: true,
  shortNames: [],
  description: 'Offloads the pods of its namespace to peers.',
  spec,
  status,
  columns: [
    { name: 'Strategy', type: 'string', jsonPath: '.spec.podStrategy' },
    { name: 'Summary', type: 'string', jsonPath: '.status.summary' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [
    { rule: "self.metadata.name == 'offloading'", message: 'an Offloading is named offloading: one per namespace' },
  ],
});

export type OffloadingSpec = z.infer<typeof spec>;
export type OffloadingStatus = z.infer<typeof status>;
export type OffloadingPeerState = z.infer<typeof peerState>;
export type Offloading = TomboloObject<OffloadingSpec, OffloadingStatus>;
