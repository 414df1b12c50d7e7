import type { z } from 'zod';
import { stringify } from 'yaml';
import { crdOf } from './crd.ts';
import { CLUSTER_NETWORK } from './cluster-network.ts';
import { DISCOVERED_CLUSTER } from './discovered-cluster.ts';
import { DISCOVERY } from './discovery.ts';
import { GRANT } from './grant.ts';
import { INVITE } from './invite.ts';
import { LINK } from './link.ts';
import { NAMESPACE_CLAIM } from './namespace-claim.ts';
import { OFFLOADING } from './offloading.ts';
import { PEER } from './peer.ts';
import { PEERING_REQUEST } from './peering-request.ts';
import { PEERING_RULE } from './peering-rule.ts';
import { REFLECTION_POLICY } from './reflection-policy.ts';
import type { KindDefinition } from './resource.ts';
import { VIRTUAL_NODE } from './virtual-node.ts';

/** Every kind that the chart installs. A test fails where a kind of the package is missing here. */
export const KINDS: readonly KindDefinition<z.ZodType, z.ZodType>[] = [
  PEER,
  INVITE,
  PEERING_REQUEST,
  PEERING_RULE,
  GRANT,
  VIRTUAL_NODE,
  OFFLOADING,
  NAMESPACE_CLAIM,
  REFLECTION_POLICY,
  CLUSTER_NETWORK,
  LINK,
  DISCOVERED_CLUSTER,
  DISCOVERY,
];

const HEADER = '# Generated from pkg/api by `npm run generate`. Do not edit.\n';

/** The committed CRD files: file name → text. */
export function crdFiles(): Map<string, string> {
  return new Map(
    KINDS.map((kind) => [
      `${kind.group}_${kind.plural}.yaml`,
      HEADER + stringify(crdOf(kind), { lineWidth: 120, aliasDuplicateObjects: false }),
    ]),
  );
}
