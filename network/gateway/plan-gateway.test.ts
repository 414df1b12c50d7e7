import { expect, test } from 'vitest';
import { renderGatewayTable } from '#network/nat';
import { generatePrivateKey, publicKeyOf } from '#network/wireguard';
import type { Peer } from '#pkg/api';
import { planGateway } from './plan-gateway.ts';
import { planPeers } from './plan-peers.ts';

const privateKey = generatePrivateKey();

/** Peers whose clusters all have the ranges that we have, each behind an alias of its own. */
function peers(count: number): Peer[] {
  return Array.from({ length: count }, (_, index) => ({
    metadata: { name: `peer-${index}` },
    spec: { roles: [] },
    status: {
      network: {
        publicKey: publicKeyOf(generatePrivateKey()),
        endpoints: [`192.0.2.${index + 1}:51820`],
        aliases: [{ original: '10.244.0.0/16', alias: `10.${index}.0.0/16` }],
        ourAliases: [{ original: '10.244.0.0/16', alias: `10.${100 + index}.0.0/16` }],
      },
    },
  }));
}

test.each([1, 2, 10])('NET-20 %i peers share one interface and one UDP port, each with its own ranges', (count) => {
  const { usable, unusable } = planPeers(peers(count), publicKeyOf(privateKey));
  expect(unusable).toEqual([]);
  const plan = planGateway({
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
  expect(plan.tunnel.listenPort).toBe(51_820);
  expect(plan.tunnel.peers.map(({ allowedIps, endpoint }) => `${endpoint} ${allowedIps.join()}`)).toEqual(
    Array.from({ length: count }, (_, index) => `192.0.2.${index + 1}:51820 10.${index}.0.0/16`),
  );
  // And each gateway by itself, for probes of the path.
  const ranges = plan.tunnel.peers.flatMap(({ allowedIps }) => allowedIps);
  expect(plan.tunnelRoutes.map(({ destination }) => destination).filter((range) => !range.endsWith('/32'))).toEqual(
    ranges,
  );
  // The rules know one tunnel device too, whatever the number of peers.
  const devices = renderGatewayTable(plan.nat).matchAll(/[io]ifname (?:!= )?"([^"]+)"/g);
  expect(new Set([...devices].map(([, name]) => name))).toEqual(new Set(['tombolo-wg', 'tombolo-vx']));
});
