import {
  LABEL,
  NAMESPACE_CLAIM,
  type NamespaceClaim,
  OFFLOADING,
  type Offloading,
  type Peer,
  type Role,
  tenantNamespace,
} from '#pkg/api';
import { type Cluster, NODE, POD } from '#pkg/kube';
import { endPeering, waitForEnd } from '#pkg/peering';
import type { Result } from '../output/format.ts';
import { argument, type Session } from '../session.ts';
import { requireInstalled } from './installed.ts';
import { knownPeer } from './known-peer.ts';
import { type RoleFlag, rolesOf } from './roles.ts';
import { serverTime } from './server-time.ts';

export interface UnpeerOptions {
  readonly role?: RoleFlag;
  readonly force: boolean;
}

/**
 * Ends a peering or one direction of it: lists what goes, asks, drains with progress, and returns when nothing of it is left
 * here (CLI-12, PEER-24). Run again it goes on.
 */
export async function unpeer(session: Session, options: UnpeerOptions, args: readonly string[]): Promise<Result> {
  const { signal, progress, flags } = session;
  const name = argument(args, 'the peer');
  progress.step(`looking at peer ${name}`);
  const cluster = await session.home();
  await requireInstalled(cluster, signal);
  const found = await knownPeer(cluster, name, 'end the peering', signal);
  const roles = options.role === undefined ? undefined : rolesOf(options.role);
  if (found.metadata.deletionTimestamp === undefined || options.force) {
    await session.confirm(question(name, options), await consequences(cluster, found, roles, signal));
  }
  progress.step('writing the wish');
  const now = await serverTime(cluster, signal);
  const wish = { force: options.force, now, signal, ...(roles !== undefined && { roles }) };
  await endPeering(cluster.client, name, wish);
  if (!flags.wait) {
    const watch = `kubectl wait peer/${name} --for=delete`;
    return { value: { peer: name, ended: false }, text: `The peering with ${name} is ending. To watch: \`${watch}\`` };
  }
  for await (const { step, conditions } of waitForEnd(cluster.client, name, roles, signal)) {
    const bad = conditions.filter(({ type, status }) => type === 'Degraded' && status === 'True');
    const words = [step, ...bad.map(({ message }) => message)].filter((part) => part !== '').join('; ');
    progress.step(`ending the peering with ${name}${words === '' ? '' : `: ${words}`}`);
  }
  const what =
    options.role === undefined || options.role === 'both' ? 'The peering' : `Direction ${options.role} of the peering`;
  return { value: { peer: name, ended: true }, text: `${what} with ${name} has ended; nothing of it is left here.` };
}

function question(name: string, { force, role }: UnpeerOptions): string {
  const what =
    role === undefined || role === 'both'
      ? `the peering with ${name}`
      : `direction ${role} of the peering with ${name}`;
  return force ? `End ${what} by force, on this side only?` : `End ${what}?`;
}

/** What goes: pods that run there, their twins, and what we lend. */
async function consequences(
  cluster: Cluster,
  { metadata, spec }: Peer,
  roles: readonly Role[] | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  const { name } = metadata;
  const ending = roles ?? spec.roles;
  const [used, lent] = await Promise.all([
    ending.includes('Consume') ? whatIsUsed(cluster, name, signal) : [],
    ending.includes('Provide') ? whatIsLent(cluster, name, signal) : [],
  ]);
  return [...used, ...lent];
}

async function whatIsUsed(cluster: Cluster, peer: string, signal: AbortSignal): Promise<string[]> {
  const [nodes, offloadings] = await Promise.all([
    cluster.client.list(NODE, { labelSelector: `${LABEL.peer}=${peer}` }, { signal }),
    cluster.client.list<Offloading>(OFFLOADING, {}, { signal }),
  ]);
  const names = nodes.items.map((node) => node.metadata.name);
  const pods = await Promise.all(
    names.map((node) => cluster.client.list(POD, { fieldSelector: `spec.nodeName=${node}` }, { signal })),
  );
  const twins = offloadings.items.flatMap(({ status }) => (status?.peers ?? []).filter((entry) => entry.peer === peer));
  return [
    ...pods.flatMap(({ items }) => items.map((pod) => `pod ${pod.metadata.namespace}/${pod.metadata.name} is evicted`)),
    ...names.map((node) => `node ${node} is removed`),
    ...twins.flatMap(({ twin }) =>
      twin === undefined ? [] : [`namespace ${twin} on ${peer} is deleted with its volumes`],
    ),
  ];
}

async function whatIsLent(cluster: Cluster, peer: string, signal: AbortSignal): Promise<string[]> {
  const namespace = tenantNamespace(peer);
  const { items } = await cluster.client.list<NamespaceClaim>(NAMESPACE_CLAIM, { namespace }, { signal });
  const twins = items.flatMap(({ status }) => status?.twin ?? []);
  return [
    ...twins.map((twin) => `namespace ${twin} here, lent to ${peer}, is deleted with its pods and volumes`),
    `the grants of ${peer} end`,
  ];
}
