import { expect, test } from 'vitest';
import type { ClusterNetwork, Peer } from '#pkg/api';
import type { Lease, Node } from '#pkg/kube';
import { type AgentFacts, planAgent } from './plan-agent.ts';

const network: ClusterNetwork = {
  metadata: { name: 'cluster' },
  spec: { podRanges: ['10.244.0.0/16'], anchorRange: '10.252.0.0/20' },
};
const node: Node = { metadata: { name: 'a', annotations: { 'tombolo.io/anchor-address': '10.252.0.3' } } };
const lease: Lease = {
  metadata: {
    name: 'tombolo-gateway',
    annotations: { 'tombolo.io/gateway-address': '10.244.1.9', 'tombolo.io/overlay-mtu': '1400' },
  },
};
const peer = (name: string, alias: string): Peer => ({
  metadata: { name },
  spec: { roles: [] },
  status: { network: { aliases: [{ original: '10.244.0.0/16', alias }] } },
});
const facts: AgentFacts = {
  network,
  node,
  peers: [peer('turin', '10.62.0.0/16'), peer('rome', '10.61.0.0/16')],
  lease,
  nodeAddress: '192.0.2.1',
  linkBytes: 1500,
  overlayPort: 51_840,
  reversePath: 'strict',
};

test('routes of all peers lead to the gateway address, whichever replica has it', () => {
  const plan = planAgent(facts);
  expect(plan?.overlay.routes).toEqual([
    { destination: '10.61.0.0/16', via: '10.252.0.2' },
    { destination: '10.62.0.0/16', via: '10.252.0.2' },
  ]);
  expect(plan?.overlay.remotes).toEqual([{ underlay: '10.244.1.9', addresses: ['10.252.0.2'] }]);
  expect(plan?.nat).toMatchObject({ anchors: ['10.252.0.3'], peerRanges: ['10.61.0.0/16', '10.62.0.0/16'] });
});

test('the overlay carries what gateway and node both carry', () => {
  expect(planAgent(facts)?.overlay.device.mtuBytes).toBe(1400);
  expect(planAgent({ ...facts, linkBytes: 1430 })?.overlay.device.mtuBytes).toBe(1380);
});

test('nothing is planned before the node has an anchor and a gateway is known', () => {
  expect(planAgent({ ...facts, node: { metadata: { name: 'a' } } })).toBeUndefined();
  expect(planAgent({ ...facts, lease: undefined })).toBeUndefined();
});

test('a peer that is being deleted has no route any more', () => {
  const going = {
    ...peer('rome', '10.61.0.0/16'),
    metadata: { name: 'rome', deletionTimestamp: '2026-01-01T00:00:00Z' },
  };
  expect(planAgent({ ...facts, peers: [going] })?.overlay.routes).toEqual([]);
});

test('bridges of the node trust the link of the gateway where that is on the node', () => {
  const at = (link: string) => {
    const annotations = { ...lease.metadata.annotations, 'tombolo.io/gateway-link': link };
    return planAgent({ ...facts, lease: { metadata: { ...lease.metadata, annotations } } })?.bridges.gatewayLink;
  };
  expect([at('a/7'), at('b/7'), at('aa/7'), at('a/'), at('a/x'), at('/7')]).toEqual([7, ...Array(5).fill(undefined)]);
  expect(planAgent(facts)?.bridges).toEqual({ overlayPort: 51_840, nodeAddress: '192.0.2.1', gatewayLink: undefined });
});
