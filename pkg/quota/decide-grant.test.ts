import { expect, test } from 'vitest';
import type { Node } from '#pkg/kube';
import { parseAmounts } from '#pkg/quantity';
import { decideGrant } from './decide-grant.ts';
import { eligibleNodes } from './eligible-nodes.ts';

const node = (name: string, labels: Record<string, string> = {}, more: object = {}): Node =>
  ({
    metadata: { name, labels: { 'kubernetes.io/arch': 'amd64', 'kubernetes.io/os': 'linux', ...labels } },
    spec: {},
    status: {
      allocatable: { cpu: '4', memory: '8Gi', pods: '110', 'ephemeral-storage': '50Gi' },
      conditions: [{ type: 'Ready', status: 'True' }],
      nodeInfo: { architecture: 'amd64', operatingSystem: 'linux', kubeletVersion: 'v1.35.4' },
    },
    ...more,
  }) as unknown as Node;

const facts = (nodes: readonly Node[], more: object = {}) => ({
  nodes,
  limits: undefined,
  grantedElsewhere: new Map(),
  used: new Map(),
  placed: new Map(),
  importLabels: [],
  ...more,
});

test('NODE-30 asked, at most the limit of the peer and what the nodes have; defaults; absent keys are named', () => {
  const nodes = [node('a'), node('b')];
  expect(decideGrant({}, facts(nodes)).granted).toEqual({
    cpu: '4',
    memory: '8Gi',
    'ephemeral-storage': '20Gi',
    pods: '110',
  });
  const asked = { requested: { cpu: '100', pods: '5', 'example.com/gpu': 1 } };
  const decision = decideGrant(
    asked,
    facts(nodes, { limits: parseAmounts({ cpu: '7' }), grantedElsewhere: parseAmounts({ cpu: '2' }) }),
  );
  expect(decision.granted).toMatchObject({ cpu: '5', pods: '5' });
  expect(decision.missing).toEqual(['example.com/gpu']);
  expect(decideGrant({ requested: { cpu: '100' } }, facts(nodes)).granted['cpu']).toBe('8');
  expect(
    decideGrant({}, facts(nodes, { limits: parseAmounts({ cpu: '1' }), grantedElsewhere: parseAmounts({ cpu: '2' }) }))
      .granted['cpu'],
  ).toBe('0');
});

test('NODE-03 labels, arch and os only where all nodes agree', () => {
  const agreed = decideGrant(
    {},
    facts([
      node('a', { 'topology.kubernetes.io/region': 'south', secret: 'x' }),
      node('b', { 'topology.kubernetes.io/region': 'south', secret: 'x' }),
    ]),
  );
  expect(agreed.node.labels).toEqual({
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/os': 'linux',
    'topology.kubernetes.io/region': 'south',
  });
  const mixed = decideGrant(
    {},
    facts([
      node('a'),
      node(
        'b',
        { 'kubernetes.io/arch': 'arm64' },
        { status: { allocatable: {}, nodeInfo: { architecture: 'arm64', operatingSystem: 'linux' } } },
      ),
    ]),
  );
  expect(mixed.node.labels?.['kubernetes.io/arch']).toBeUndefined();
  expect(mixed.node.architecture).toBeUndefined();
  expect(mixed.node.operatingSystem).toBe('linux');
});

test('nodes that are not Ready, cordoned, virtual or tainted do not count; a placement chooses among the others', () => {
  const nodes = [
    node('good'),
    node('cordoned', {}, { spec: { unschedulable: true } }),
    node('virtual', { type: 'virtual-kubelet' }),
    node('tainted', {}, { spec: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } }),
    node('down', {}, { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } }),
    node('gold', { tier: 'gold' }),
  ];
  const names = (list: Node[]) => list.map((entry) => entry.metadata.name);
  expect(names(eligibleNodes(nodes, undefined))).toEqual(['good', 'gold']);
  expect(names(eligibleNodes(nodes, { nodeSelector: { tier: 'gold' } }))).toEqual(['gold']);
  expect(names(eligibleNodes(nodes, { tolerations: [{ key: 'k', operator: 'Exists' }] }))).toEqual([
    'good',
    'tainted',
    'gold',
  ]);
  const nodeAffinity = {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['gold'] }] }],
    },
  };
  expect(names(eligibleNodes(nodes, { nodeAffinity }))).toEqual(['good']);
});

test('without an eligible node everything asked for is granted as nothing', () => {
  const decision = decideGrant({ requested: { cpu: '2' } }, facts([]));
  expect(decision.granted).toEqual({ cpu: '0', memory: '0', 'ephemeral-storage': '0', pods: '0' });
  expect(decision.missing).toEqual([]);
});
