import {
  CONDITION,
  type Condition,
  type Grant,
  type NamespaceClaim,
  type Offloading,
  type Peer,
  type ResourceList,
  type VirtualNode,
} from '#pkg/api';
import type { Lease, Node } from '#pkg/kube';
import { formatDuration } from '../../duration.ts';
import type { Facts } from './read.ts';
import type {
  ConditionView,
  GrantView,
  LentNamespaceView,
  PeerView,
  StatusView,
  TwinView,
  VirtualNodeView,
} from './view.ts';

/** What is shown as good was verified this recently (PEER-33). */
const FRESH_MS = 20_000;

/**
 * Says what stands, and what of it is good. Pure. A condition that says True counts only while somebody is there to take it
 * back: the controller that leads, or the lease of the node; else it reads Unknown and says since when (CLI-10).
 * @param only the name of the one peer that is asked for
 */
export function judge(facts: Facts, only?: string): StatusView {
  const peers = facts.peers.filter((peer) => only === undefined || peer.metadata.name === only);
  const stale = staleSince(facts);
  const views = peers.map((peer) => peerView(peer, facts, stale));
  const offloadings = facts.offloadings.map(offloadingView);
  const problems = [
    ...facts.unreadable.map(({ what, why }) => `${what} cannot be read: ${why}`),
    ...facts.processes.filter((state) => !state.isReady).map(({ name, words }) => `${name}: ${words}`),
    ...(stale === undefined ? [] : [stale]),
    ...facts.realNodes.flatMap(unconnected),
    ...views.flatMap((view) => view.problems),
    ...(only === undefined ? offloadings.flatMap((view) => view.problems) : []),
  ];
  return {
    healthy: problems.length === 0,
    problems,
    cluster: {
      name: facts.info?.clusterName ?? facts.contextName,
      kubernetesVersion: facts.kubernetesVersion,
      peeringAddresses: facts.info?.addresses ?? [],
      ...(facts.info?.fingerprint !== undefined && { fingerprint: facts.info.fingerprint }),
      ...(facts.info?.version !== undefined && { version: facts.info.version }),
      ...(facts.info?.apiServer !== undefined && { apiServer: facts.info.apiServer }),
    },
    processes: facts.processes.map(({ name, isReady, words }) => ({ name, ready: isReady, message: words })),
    peers: views,
    offloadings: offloadings.map(({ problems: _, ...view }) => view),
  };
}

/** What keeps a real node from reaching peers, as its agent says. */
function unconnected({ metadata: { name }, status }: Node): string[] {
  const found = status?.conditions?.find(({ type }) => type === CONDITION.networkUnavailable);
  return found?.status === 'True' ? [`node ${name} does not reach peers: ${found.message ?? found.reason ?? ''}`] : [];
}

/** The sentence that says that no controller leads; `undefined` while one does. */
function staleSince({ leaderLease, now }: Facts): string | undefined {
  const age = leaseAge(leaderLease, now);
  const holder = leaderLease?.spec?.holderIdentity ?? '';
  if (age === undefined || holder === '') return 'no controller leads: nothing here is verified any more';
  const allowed = Math.max(FRESH_MS, (leaderLease?.spec?.leaseDurationSeconds ?? 0) * 1000);
  return age <= allowed
    ? undefined
    : `the controller has given no sign for ${formatDuration(age)}: nothing here is verified since`;
}

/** The sentence that says that nobody has looked at a peer that we use for too long. */
function unverifiedSince({ spec, status }: Peer, now: Date): string | undefined {
  if (!spec.roles.includes('Consume') || status?.lastVerifiedAt === undefined) return undefined;
  const age = now.getTime() - Date.parse(status.lastVerifiedAt);
  return age <= FRESH_MS ? undefined : `not verified for ${formatDuration(age)}`;
}

function leaseAge(lease: Lease | undefined, now: Date): number | undefined {
  const renewed = lease?.spec?.renewTime;
  return renewed === undefined ? undefined : now.getTime() - new Date(renewed).getTime();
}

function peerView(peer: Peer, facts: Facts, stale: string | undefined): PeerView {
  const { name } = peer.metadata;
  const status = peer.status ?? {};
  const unverified = stale ?? unverifiedSince(peer, facts.now);
  const conditions = (status.conditions ?? []).map((entry) => conditionView(entry, unverified));
  const virtualNodes = facts.virtualNodes
    .filter((node) => node.spec.peer === name)
    .map((node) => nodeView(node, facts, stale));
  const tenant = status.tenantNamespace;
  const problems = [
    ...(status.phase === undefined ? [`peer ${name}: no controller has looked at it yet`] : []),
    ...(peer.metadata.deletionTimestamp === undefined
      ? []
      : [`peer ${name}: it is ending${(status.step ?? '') === '' ? '' : ` (${status.step})`}`]),
    ...conditions.filter(isBad).map((entry) => `peer ${name}: ${entry.type} is ${entry.status}: ${entry.message}`),
    ...virtualNodes.filter((view) => !view.ready).map((view) => `virtual node ${view.name}: ${view.message}`),
  ];
  return {
    name,
    healthy: problems.length === 0,
    problems,
    phase: status.phase ?? 'Pending',
    wanted: peer.spec.roles,
    roles: status.roles ?? [],
    conditions,
    virtualNodes,
    twins: facts.offloadings.flatMap((offloading) => twinsOf(offloading, name)),
    grants:
      tenant === undefined ? [] : facts.grants.filter((grant) => grant.metadata.namespace === tenant).map(grantView),
    lentNamespaces:
      tenant === undefined ? [] : facts.claims.filter((claim) => claim.metadata.namespace === tenant).map(lentView),
    ...defined({
      step: status.step === '' ? undefined : status.step,
      clusterName: status.clusterName,
      fingerprint: status.fingerprint ?? peer.spec.fingerprint,
      nameThere: status.nameThere,
      apiServer: status.apiServer,
      apiPath: status.apiPath,
      roundTripMilliseconds: status.roundTripMilliseconds,
      tunnel: status.tunnel,
      networkMode: status.network?.mode,
      version: status.version,
      kubernetesVersion: status.kubernetesVersion,
      credentialExpiresAt: status.credentialExpiresAt,
      lastVerifiedAt: status.lastVerifiedAt,
    }),
  };
}

/** `Degraded` is good when it is not True; the other conditions are good when they are. */
function isBad({ type, status }: ConditionView): boolean {
  return type === 'Degraded' ? status === 'True' : status !== 'True';
}

function conditionView({ type, status, reason, message }: Condition, stale: string | undefined): ConditionView {
  const isGood = type === 'Degraded' ? status === 'False' : status === 'True';
  if (stale === undefined || !isGood) return { type, status, reason, message };
  return { type, status: 'Unknown', reason: 'NotVerified', message: `${stale}; last known: ${message}` };
}

function nodeView(virtual: VirtualNode, facts: Facts, stale: string | undefined): VirtualNodeView {
  const nodeName = virtual.status?.nodeName ?? virtual.metadata.name;
  const verdict = readiness(nodeName, facts);
  const conditions = (virtual.status?.conditions ?? []).map((entry) => conditionView(entry, stale));
  const refused = conditions.find((entry) => entry.type === 'Granted' && entry.status === 'False');
  return {
    name: virtual.metadata.name,
    node: nodeName,
    ready: verdict.ready && refused === undefined,
    message: refused !== undefined && !verdict.ready ? refused.message : verdict.message,
    cordoned: virtual.status?.cordoned ?? false,
    conditions,
    ...defined({
      granted: amounts(virtual.status?.granted),
      used: amounts(virtual.status?.used),
      free: amounts(virtual.status?.free),
    }),
    missing: virtual.status?.missing ?? [],
  };
}

/** Whether a Node is Ready, as far as its lease was renewed lately. */
function readiness(name: string, { nodes, nodeLeases, now }: Facts): { ready: boolean; message: string } {
  const node = nodes.find((item) => item.metadata.name === name);
  const condition = node?.status?.conditions?.find((entry) => entry.type === 'Ready');
  if (condition === undefined) return { ready: false, message: 'the node does not exist yet' };
  const words = condition.message ?? condition.reason ?? '';
  if (condition.status !== 'True') return { ready: false, message: words };
  const age = leaseAge(
    nodeLeases.find((lease) => lease.metadata.name === name),
    now,
  );
  if (age === undefined || age > FRESH_MS) {
    const since = age === undefined ? '' : ` for ${formatDuration(age)}`;
    return { ready: false, message: `not verified: our kubelet has given no sign${since}` };
  }
  return { ready: true, message: words };
}

function twinsOf(offloading: Offloading, peer: string): TwinView[] {
  return (offloading.status?.peers ?? [])
    .filter((entry) => entry.peer === peer)
    .map(({ state, reason, message, twin }) => ({
      namespace: offloading.metadata.namespace ?? '',
      state,
      reason,
      message,
      ...defined({ twin }),
    }));
}

function offloadingView(offloading: Offloading): StatusView['offloadings'][number] & { problems: string[] } {
  const namespace = offloading.metadata.namespace ?? '';
  const summary = offloading.status?.summary ?? 'Waiting';
  const bad = (offloading.status?.peers ?? []).filter((entry) => entry.state !== 'Accepted');
  const sentences = bad.map((entry) => `namespace ${namespace} on ${entry.peer}: ${entry.message}`);
  const isGood = summary === 'AllReady';
  return {
    namespace,
    strategy: offloading.spec.podStrategy ?? 'LocalAndRemote',
    summary,
    peers: (offloading.status?.peers ?? []).map(({ peer, state, reason, message, twin }) => ({
      peer,
      state,
      reason,
      message,
      ...defined({ twin }),
    })),
    problems: isGood ? [] : sentences.length > 0 ? sentences : [`namespace ${namespace}: ${summary}`],
  };
}

function grantView(grant: Grant): GrantView {
  return {
    name: grant.metadata.name,
    cordoned: grant.spec.cordoned ?? false,
    ...defined({ granted: amounts(grant.status?.granted), used: amounts(grant.status?.used) }),
  };
}

function lentView(claim: NamespaceClaim): LentNamespaceView {
  const { state, reason, message, twin } = claim.status ?? {};
  return {
    homeNamespace: claim.spec.homeNamespace,
    state: state ?? 'Waiting',
    ...defined({ twin, reason, message }),
  };
}

function amounts(list: ResourceList | undefined): Record<string, string> | undefined {
  return list === undefined
    ? undefined
    : Object.fromEntries(Object.entries(list).map(([key, value]) => [key, String(value)]));
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The fields that have a value: absent reads better than null in JSON. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
