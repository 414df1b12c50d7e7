/** For tests: many peers, and the plan of a gateway that serves them all. */
import { generatePrivateKey, publicKeyOf } from '#network/wireguard';
import type { Peer } from '#pkg/api';
import { type GatewayPlan, planGateway } from './plan-gateway.ts';
import { planPeers } from './plan-peers.ts';

const privateKey = generatePrivateKey();

export const octets = (index: number): string => `${index >> 8}.${index & 0xff}`;

/** Peers whose clusters all have the ranges that we have, each behind an alias of its own. */
export function manyPeers(count: number): Peer[] {
  return Array.from({ length: count }, (_, index) => ({
    metadata: { name: `peer-${String(index).padStart(3, '0')}` },
    spec: { roles: [] },
    status: {
      network: {
        publicKey: publicKeyOf(generatePrivateKey()),
        endpoints: [`198.18.${octets(index)}:51820`],
        aliases: [{ original: '10.244.0.0/16', alias: `10.${index}.0.0/16` }],
        ourAliases: [{ original: '10.244.0.0/16', alias: `100.${64 + (index % 64)}.0.0/16` }],
      },
    },
  }));
}

/** What the active gateway makes of them. */
export function planFor(peers: readonly Peer[]): GatewayPlan {
  const { usable, unusable } = planPeers(peers, publicKeyOf(privateKey));
  if (unusable.length > 0) throw new Error(JSON.stringify(unusable));
  return planGateway({
    network: {
      metadata: { name: 'cluster' },
      spec: { podRanges: ['10.244.0.0/16'], anchorRange: '10.252.0.0/20' },
    },
    nodes: [],
    peers: usable,
    endpoints: new Map(usable.map(({ name, endpoints }) => [name, endpoints[0] ?? ''])),
    pathMtus: new Map(),
    privateKey,
    podAddress: '10.244.0.9',
    linkBytes: 1500,
    ports: { tunnel: 51_820, overlay: 51_840, probe: 51_841 },
    isIsolated: true,
    transit: { pairs: [], groups: [] },
    isActive: true,
  });
}
