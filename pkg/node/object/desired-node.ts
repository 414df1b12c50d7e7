import { CONDITION, getCondition, LABEL, TAINT, type VirtualNodeSpec, type VirtualNodeStatus } from '#pkg/api';
import { providerId } from './provider-id.ts';

export interface NodeTaint {
  key: string;
  value?: string;
  effect: string;
}

/** A condition without its times. */
export interface NodeConditionState {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** Everything of a Node that is ours. What is not named here belongs to others and stays. */
export interface DesiredNode {
  readonly name: string;
  readonly providerID: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly NodeTaint[];
  /** Capacity and allocatable alike. */
  readonly resources: Readonly<Record<string, string>>;
  /** Addresses at which the API server finds the kubelet endpoint. */
  readonly addresses: readonly string[];
  readonly kubeletPort: number;
  readonly nodeInfo: Readonly<Record<NodeInfoField, string>>;
  readonly conditions: readonly NodeConditionState[];
}

type NodeInfoField =
  | 'architecture'
  | 'operatingSystem'
  | 'kubeletVersion'
  | 'osImage'
  | 'containerRuntimeVersion'
  | 'kernelVersion'
  | 'kubeProxyVersion'
  | 'machineID'
  | 'systemUUID'
  | 'bootID';

/** Whether one thing that a virtual node stands on works, and a sentence that says so. */
export interface Verdict {
  readonly ok: boolean;
  readonly reason: string;
  readonly message: string;
}

/** What a Node is made from. */
export interface NodeFacts {
  readonly name: string;
  readonly peer: string;
  readonly spec: VirtualNodeSpec;
  readonly status: VirtualNodeStatus;
  readonly addresses: readonly string[];
  readonly kubeletPort: number;
  /** Version of Tombolo. */
  readonly version: string;
  /** Version of the provider's API server; used where its nodes do not agree on a kubelet version. */
  readonly providerVersion: string | undefined;
  /** The provider's API, and the tunnel where it counts. */
  readonly ready: Verdict;
  /** The tunnel to the provider. */
  readonly network: Verdict;
}

const EXCLUDE_FROM_BALANCERS = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** Labels that name one machine, or say what we say ourselves: never taken from the provider's nodes. */
const NEVER_FROM_PROVIDER = new Set([
  'kubernetes.io/hostname',
  'type',
  EXCLUDE_FROM_BALANCERS,
  'kubernetes.io/arch',
  'kubernetes.io/os',
]);

/** The Node that stands for one grant. Pure; times are added when it is written. */
export function desiredNode(facts: NodeFacts): DesiredNode {
  return {
    name: facts.name,
    providerID: providerId(facts.peer, facts.name),
    labels: desiredLabels(facts),
    taints: desiredTaints(facts),
    resources: Object.fromEntries(
      Object.entries(facts.status.granted ?? {}).map(([key, amount]) => [key, String(amount)]),
    ),
    addresses: facts.addresses,
    kubeletPort: facts.kubeletPort,
    nodeInfo: nodeInfo(facts),
    conditions: desiredConditions(facts),
  };
}

function desiredLabels({ name, peer, spec, status }: NodeFacts): Record<string, string> {
  const agreed = Object.entries(status.node?.labels ?? {}).filter(
    ([key]) => !NEVER_FROM_PROVIDER.has(key) && !key.startsWith('tombolo.io/') && !isRoleLabel(key),
  );
  const { architecture, operatingSystem } = status.node ?? {};
  return {
    ...Object.fromEntries(agreed),
    ...(architecture === undefined || architecture === '' ? {} : { 'kubernetes.io/arch': architecture }),
    ...(operatingSystem === undefined || operatingSystem === '' ? {} : { 'kubernetes.io/os': operatingSystem }),
    ...spec.labels,
    // Last, because others rely on them: admission, the scheduler's topology, cloud controllers.
    type: 'virtual-kubelet',
    'kubernetes.io/hostname': name,
    [EXCLUDE_FROM_BALANCERS]: 'true',
    [LABEL.peer]: peer,
  };
}

function isRoleLabel(key: string): boolean {
  return key.startsWith('node-role.kubernetes.io/') || key === 'kubernetes.io/role';
}

function desiredTaints({ peer, spec, status }: NodeFacts): NodeTaint[] {
  const own: NodeTaint[] = [{ key: TAINT.virtualNode, value: peer, effect: 'NoSchedule' }];
  if (status.cordoned === true) own.push({ key: TAINT.grantCordoned, effect: 'NoSchedule' });
  const taken = new Set(own.map(taintId));
  const wanted = (spec.taints ?? [])
    .map(({ key, value, effect }) => (value === undefined ? { key, effect } : { key, value, effect }))
    .filter((taint) => !taken.has(taintId(taint)));
  return [...own, ...wanted];
}

/** Taints are told apart by key and effect (core/v1). */
export function taintId(taint: { key: string; effect: string }): string {
  return `${taint.key}:${taint.effect}`;
}

function nodeInfo({ peer, status, version, providerVersion }: NodeFacts): Record<NodeInfoField, string> {
  const provider = status.node?.kubeletVersion ?? providerVersion ?? 'v0.0.0';
  return {
    architecture: status.node?.architecture ?? '',
    operatingSystem: status.node?.operatingSystem ?? '',
    kubeletVersion: `${provider}-tombolo-${version}`,
    osImage: `virtual node of peer ${peer}`,
    containerRuntimeVersion: `tombolo://${version}`,
    // Required by the schema, and without a meaning for a node that is many machines.
    kernelVersion: '',
    kubeProxyVersion: '',
    machineID: '',
    systemUUID: '',
    bootID: '',
  };
}

function desiredConditions({ peer, status, ready, network }: NodeFacts): NodeConditionState[] {
  const pressure = (type: string, message: string): NodeConditionState => ({
    type,
    status: 'False',
    reason: 'ManagedByProvider',
    message: `${message} is the business of the nodes of peer ${peer}`,
  });
  const capacity = getCondition(status.conditions, 'Capacity');
  return [
    { type: 'Ready', status: ready.ok ? 'True' : 'False', reason: ready.reason, message: ready.message },
    {
      type: 'NetworkUnavailable',
      status: network.ok ? 'False' : 'True',
      reason: network.reason,
      message: network.message,
    },
    pressure('MemoryPressure', 'memory'),
    pressure('DiskPressure', 'disk space'),
    pressure('PIDPressure', 'the number of processes'),
    ...(capacity === undefined
      ? []
      : [
          {
            type: CONDITION.providerCapacity,
            status: capacity.status,
            reason: capacity.reason,
            message: capacity.message,
          },
        ]),
  ];
}
