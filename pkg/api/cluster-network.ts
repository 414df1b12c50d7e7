import { z } from 'zod';
import { range, ranges, transitChoice } from './network-schemas.ts';
import { defineKind, type TomboloObject } from './resource.ts';
import { conditions } from './shared-schemas.ts';

const spec = z.object({
  podRanges: ranges.min(1).meta({ description: 'All addresses that pods of this cluster may have.' }),
  serviceRanges: ranges.optional().meta({ description: 'Addresses of Services: never announced, never given away.' }),
  nodeRanges: ranges.optional().meta({ description: 'Addresses of nodes: never announced, never given away.' }),
  reservedRanges: ranges.optional().meta({ description: 'More that no peer may appear under: the LAN, a VPN.' }),
  anchorRange: range.meta({
    description: 'Range of our own for addresses that are no pods: nodes, gateway, API of this cluster. Immutable.',
    'x-kubernetes-validations': [
      { rule: 'self == oldSelf', message: 'anchorRange cannot change: peers know this cluster by it' },
    ],
  }),
  isolation: z
    .boolean()
    .optional()
    .meta({
      description:
        'Whether what runs here for a peer, and what that peer has at home, is kept apart from everything else here, except ' +
        'Services with the label tombolo.io/offer; default true.',
    }),
  aliasPools: ranges.optional().meta({
    description: 'Where aliases are taken from, in order. Default 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16.',
  }),
  transit: transitChoice.optional().meta({
    description:
      'Deny: nothing passes through this cluster between its peers, nor through a peer between this cluster and third ones. Default Allow.',
  }),
});

const status = z.object({
  publicKey: z.string().optional().meta({ description: 'WireGuard key of the gateway, base64.' }),
  nextPublicKey: z.string().optional().meta({ description: 'The key that will follow, while it is being rotated.' }),
  endpoints: z.array(z.string()).optional().meta({ description: 'host:port (UDP) where peers dial the gateway.' }),
  conditions: conditions
    .optional()
    .meta({ description: 'Valid: the ranges can be used as they are; Isolated: what keeps twins apart.' }),
});

/** The network of this cluster, as one object that both people and our processes read. Its only instance is `cluster`. */
export const CLUSTER_NETWORK = defineKind({
  kind: 'ClusterNetwork',
  plural: 'clusternetworks',
  namespaced: false,
  shortNames: [],
  description: 'Address ranges of this cluster.',
  spec,
  status,
  columns: [
    { name: 'Pods', type: 'string', jsonPath: '.spec.podRanges' },
    { name: 'Anchor', type: 'string', jsonPath: '.spec.anchorRange' },
    { name: 'Valid', type: 'string', jsonPath: '.status.conditions[?(@.type=="Valid")].status' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [{ rule: 'self.metadata.name == "cluster"', message: 'the one ClusterNetwork is called cluster' }],
});

export type ClusterNetworkSpec = z.infer<typeof spec>;
export type ClusterNetworkStatus = z.infer<typeof status>;
export type ClusterNetwork = TomboloObject<ClusterNetworkSpec, ClusterNetworkStatus>;
