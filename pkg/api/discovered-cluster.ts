import { createHash } from 'node:crypto';
import { z } from 'zod';
import { defineKind, type TomboloObject } from './resource.ts';
import { peerName } from './shared-schemas.ts';

/** As many as a Peer may have. */
export const MAX_DISCOVERED_ADDRESSES = 16;
/** Labels are for rules of acceptance: a handful is enough, and anybody on the LAN can make us store them. */
export const MAX_DISCOVERED_LABELS = 16;

const addresses = z.array(z.string().max(261)).max(MAX_DISCOVERED_ADDRESSES);

const fixed = (field: string) => ({
  'x-kubernetes-validations': [
    { rule: 'self == oldSelf', message: `${field} cannot change: it is part of the object's name` },
  ],
});

export const discoverySource = z.enum(['DNS', 'MDNS']);
export type DiscoverySourceName = z.infer<typeof discoverySource>;

const spec = z.object({
  clusterName: peerName.meta({ description: 'What the record calls the cluster; a claim.', ...fixed('clusterName') }),
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .meta({
      description: 'SHA-256 of the identity key that the record claims, lower-case hex. Only the key itself proves it.',
      ...fixed('fingerprint'),
    }),
  source: discoverySource.meta({ description: 'Where it was found.', ...fixed('source') }),
  domain: z
    .string()
    .max(253)
    .optional()
    .meta({ description: 'DNS: the domain that was asked, `_tombolo._tcp.<domain>`.', ...fixed('domain') }),
  addresses: addresses.meta({
    description:
      'ADDRESS:PORT or [ADDRESS]:PORT as found, best first. Those that may be dialled are in status.addresses.',
  }),
  labels: z
    .record(z.string(), z.string().max(63))
    .optional()
    .meta({ maxProperties: MAX_DISCOVERED_LABELS, description: 'Labels of the cluster, as the record claims.' }),
  problem: z.string().max(512).optional().meta({
    description: 'What of the record could not be used, in a sentence: a name that does not resolve, port 0.',
  }),
});

const status = z.object({
  state: z.enum(['Available', 'Refused', 'Conflict', 'Stale', 'Own']).optional().meta({
    description:
      'Available: may be asked. Refused: none of its addresses may be dialled. Conflict: the same name is claimed with another key. Stale: not seen any more. Own: this cluster.',
  }),
  message: z.string().max(1024).optional().meta({ description: 'Why it is in that state, in a sentence.' }),
  addresses: addresses.optional().meta({ description: 'Those of spec.addresses that may be dialled, best first.' }),
  firstSeen: z.iso.datetime().optional(),
  lastSeen: z.iso.datetime().optional(),
});

/** A hint that a cluster may be reached somewhere. Made and removed by the controller (DNS) and the agents (mDNS). */
export const DISCOVERED_CLUSTER = defineKind({
  kind: 'DiscoveredCluster',
  plural: 'discoveredclusters',
  namespaced: false,
  shortNames: [],
  description: 'A cluster that DNS or the local network told of. A hint, never an identity: nothing is dialled for it.',
  spec,
  status,
  columns: [
    { name: 'Cluster', type: 'string', jsonPath: '.spec.clusterName' },
    { name: 'Addresses', type: 'string', jsonPath: '.status.addresses' },
    { name: 'Source', type: 'string', jsonPath: '.spec.source' },
    { name: 'State', type: 'string', jsonPath: '.status.state' },
    { name: 'Seen', type: 'date', jsonPath: '.status.lastSeen' },
    { name: 'Fingerprint', type: 'string', jsonPath: '.spec.fingerprint', priority: 1 },
    { name: 'Domain', type: 'string', jsonPath: '.spec.domain', priority: 1 },
  ],
});

export type DiscoveredClusterSpec = z.infer<typeof spec>;
export type DiscoveredClusterStatus = z.infer<typeof status>;
export type DiscoveredCluster = TomboloObject<DiscoveredClusterSpec, DiscoveredClusterStatus>;

/**
 * Name of the object for a record: `rome-1a2b3c4d-dns-5f0c…`. The first two parts are for people; the last one is a hash
 * of name, whole fingerprint, source and domain, so that no record of another key, domain or link meets this object.
 */
export function discoveredClusterName({
  clusterName,
  fingerprint,
  source,
  domain = '',
}: Pick<DiscoveredClusterSpec, 'clusterName' | 'fingerprint' | 'source' | 'domain'>): string {
  const claim = JSON.stringify([clusterName, fingerprint, source, domain]);
  const hash = createHash('sha256').update(claim).digest('hex').slice(0, 16);
  return `${clusterName}-${fingerprint.slice(0, 8)}-${source.toLowerCase()}-${hash}`;
}
