import { describe, expect, test } from 'vitest';
import {
  type DiscoveredCluster,
  NAME,
  PEER,
  type Peer,
  type PeeringRule,
  SYSTEM_NAMESPACE,
  VIRTUAL_NODE,
  type VirtualNode,
} from '#pkg/api';
import { CONFIG_MAP, type ConfigMap } from '#pkg/kube';
import { fakeClock, silentLog } from '#pkg/runtime';
import { memoryClient } from '../doubles/memory-client.ts';
import { askByRuleReconciler } from './ask-by-rule.ts';
import { rulesOf } from './rules.ts';

const signal = AbortSignal.timeout(10_000);
const FLEET = 'fleet.example.com';
const keyOf = (index: number): string => index.toString(16).padStart(64, '0');

/** Milan with clusters that DNS has found, and one rule. */
function scene(count: number, rule: PeeringRule['spec'] = { action: 'Ask', domain: FLEET, resources: { cpu: '2' } }) {
  const client = memoryClient();
  const info: ConfigMap = {
    metadata: { namespace: SYSTEM_NAMESPACE, name: NAME.clusterConfigMap },
    data: { clusterName: 'milan', fingerprint: 'f'.repeat(64), addresses: '[]' },
  };
  client.seed(CONFIG_MAP, info);
  const records = Array.from({ length: count }, (_, index): DiscoveredCluster => {
    const addresses = [`192.0.2.${index}:7443`];
    return {
      metadata: { name: `record-${index}` },
      spec: { clusterName: `rome-${index}`, fingerprint: keyOf(index), source: 'DNS', domain: FLEET, addresses },
      status: { state: 'Available', addresses },
    };
  });
  const peers = () => client.peek<Peer>(PEER);
  const reconciler = askByRuleReconciler({
    found: { get: (key) => records.find(({ metadata }) => metadata.name === key) },
    peers: { list: peers },
    rules: rulesOf(
      () => [{ metadata: { name: 'fleet' }, spec: rule }],
      () => records,
    ),
    client,
    clusterName: 'milan',
    clock: fakeClock(),
    log: silentLog,
  });
  const look = async () => {
    for (const { metadata } of records) await reconciler.reconcile(metadata.name, signal);
  };
  return { client, peers, look };
}

describe('a rule that asks', () => {
  test('asks as `tombolo peer` does, once', async () => {
    const { client, peers, look } = scene(1);
    await look();
    expect(peers()[0]).toMatchObject({
      metadata: { name: 'rome-0' },
      spec: { roles: ['Consume'], fingerprint: keyOf(0), addresses: ['192.0.2.0:7443'], request: {} },
    });
    expect(client.peek<VirtualNode>(VIRTUAL_NODE)[0]?.spec.resources).toEqual({ cpu: '2' });
    const writes = client.writes.length;
    await look();
    expect(client.writes.length).toBe(writes);
  });

  test('leaves a cluster alone that is a peer under another name', async () => {
    const { client, peers, look } = scene(1);
    const peer: Peer = { metadata: { name: 'roma' }, spec: { roles: ['Provide'], fingerprint: keyOf(0) } };
    client.seed(PEER, peer);
    await look();
    expect(peers().map(({ metadata }) => metadata.name)).toEqual(['roma']);
  });

  test('waits for at most 50 at once, whatever a zone lists', async () => {
    const { peers, look } = scene(120);
    await look();
    expect(peers()).toHaveLength(50);
  });

  test('of another domain asks nobody', async () => {
    const { peers, look } = scene(3, { action: 'Ask', domain: 'example.com' });
    await look();
    expect(peers()).toEqual([]);
  });
});
