import { describe, expect, test } from 'vitest';
import { type DesiredNode, desiredNode, type NodeFacts } from './desired-node.ts';

const FACTS: NodeFacts = {
  name: 'rome-gpu',
  peer: 'rome',
  spec: { peer: 'rome' },
  status: {
    granted: { cpu: 4, memory: '8Gi', 'nvidia.com/gpu': '1' },
    node: { kubeletVersion: 'v1.35.4', architecture: 'amd64', operatingSystem: 'linux' },
  },
  addresses: ['10.244.0.7'],
  kubeletPort: 10260,
  version: '0.1.0',
  providerVersion: undefined,
  ready: { ok: true, reason: 'ProviderReady', message: 'answers' },
  network: { ok: true, reason: 'NotChecked', message: 'none' },
};

function node(facts: Partial<NodeFacts> = {}): DesiredNode {
  return desiredNode({ ...FACTS, ...facts });
}

function condition(desired: DesiredNode, type: string): string | undefined {
  const found = desired.conditions.find((entry) => entry.type === type);
  return found === undefined ? undefined : `${found.status} ${found.reason}`;
}

describe('desiredNode', () => {
  test('says what it is, whose it is and how to reach it', () => {
    const desired = node();
    expect(desired.labels).toEqual({
      type: 'virtual-kubelet',
      'kubernetes.io/hostname': 'rome-gpu',
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/os': 'linux',
      'node.kubernetes.io/exclude-from-external-load-balancers': 'true',
      'tombolo.io/peer': 'rome',
    });
    expect(desired.taints).toEqual([{ key: 'tombolo.io/virtual-node', value: 'rome', effect: 'NoSchedule' }]);
    expect(desired.providerID).toBe('tombolo://rome/rome-gpu');
    expect(desired.nodeInfo.kubeletVersion).toBe('v1.35.4-tombolo-0.1.0');
    expect(desired.resources).toEqual({ cpu: '4', memory: '8Gi', 'nvidia.com/gpu': '1' });
  });

  test('takes the labels that the provider agrees on, but none that name a machine or speak for us', () => {
    const labels = {
      'topology.kubernetes.io/region': 'south',
      'kubernetes.io/hostname': 'rome-1',
      'tombolo.io/peer': 'other',
      'node-role.kubernetes.io/control-plane': '',
      type: 'big',
    };
    const desired = node({ status: { ...FACTS.status, node: { labels } } });
    expect(desired.labels).toMatchObject({
      'topology.kubernetes.io/region': 'south',
      'kubernetes.io/hostname': 'rome-gpu',
      'tombolo.io/peer': 'rome',
      type: 'virtual-kubelet',
    });
    expect(desired.labels).not.toHaveProperty('node-role.kubernetes.io/control-plane');
  });

  test('has no architecture where the provider is mixed', () => {
    const desired = node({ status: { granted: {} } });
    expect(desired.labels).not.toHaveProperty('kubernetes.io/arch');
    expect(desired.labels).not.toHaveProperty('kubernetes.io/os');
    expect(desired.nodeInfo.architecture).toBe('');
  });

  test('adds labels and taints of the user, never over its own', () => {
    const desired = node({
      spec: {
        peer: 'rome',
        labels: { tier: 'burst', 'tombolo.io/peer': 'forged' },
        taints: [
          { key: 'tombolo.io/virtual-node', value: 'forged', effect: 'NoSchedule' },
          { key: 'dedicated', value: 'batch', effect: 'NoExecute' },
        ],
      },
      status: { ...FACTS.status, cordoned: true },
    });
    expect(desired.labels).toMatchObject({ tier: 'burst', 'tombolo.io/peer': 'rome' });
    expect(desired.taints).toEqual([
      { key: 'tombolo.io/virtual-node', value: 'rome', effect: 'NoSchedule' },
      { key: 'tombolo.io/grant-cordoned', effect: 'NoSchedule' },
      { key: 'dedicated', value: 'batch', effect: 'NoExecute' },
    ]);
  });

  test('tells a lost API from a lost tunnel, and what the provider could still place', () => {
    const lost = node({ ready: { ok: false, reason: 'ProviderUnreachable', message: 'gone' } });
    expect(condition(lost, 'Ready')).toBe('False ProviderUnreachable');
    expect(condition(lost, 'NetworkUnavailable')).toBe('False NotChecked');
    expect(condition(lost, 'tombolo.io/ProviderCapacity')).toBeUndefined();
    const capacity = {
      type: 'Capacity',
      status: 'False' as const,
      reason: 'ProviderFull',
      message: 'cpu 1 free',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const full = node({
      network: { ok: false, reason: 'TunnelDown', message: 'no answer' },
      status: { ...FACTS.status, conditions: [capacity] },
    });
    expect(condition(full, 'NetworkUnavailable')).toBe('True TunnelDown');
    expect(condition(full, 'tombolo.io/ProviderCapacity')).toBe('False ProviderFull');
  });
});
