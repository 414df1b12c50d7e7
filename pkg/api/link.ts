import { type Announcement, announcement } from './network-schemas.ts';
import { defineKind, type TomboloObject } from './resource.ts';

/**
 * Meeting point of the two networks of a peering, in the tenant namespace on the provider: each side writes its own half.
 * In a peering in both directions there are two, one at each provider, and they say the same.
 */
export const LINK = defineKind({
  kind: 'Link',
  plural: 'links',
  namespaced: true,
  shortNames: [],
  description: 'How the networks of a provider and one consumer reach each other.',
  spec: announcement.meta({ description: 'Written by the consumer: its network.' }),
  status: announcement.meta({ description: "Written by the provider: its network. The consumer's is in spec." }),
  columns: [
    { name: 'Consumer', type: 'string', jsonPath: '.spec.ranges' },
    { name: 'Provider', type: 'string', jsonPath: '.status.ranges' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [{ rule: 'self.metadata.name == "link"', message: 'the one Link of a tenant is called link' }],
});

export type Link = TomboloObject<Announcement, Announcement>;
