import type { Role } from '#pkg/api';
import {
  abandonPeering,
  type ClusterEnd,
  isPeeringError,
  peeringFromKubeconfigs,
  type StartedPeering,
  startPeering,
  waitForEnd,
  waitForPeering,
} from '#pkg/peering';
import { CliError } from '../errors.ts';
import type { Result } from '../output/format.ts';
import type { Session } from '../session.ts';
import { requireInstalled } from './installed.ts';
import { type RoleFlag, rolesOf } from './roles.ts';
import { serverTime } from './server-time.ts';

export interface PeerOptions {
  readonly name?: string;
  readonly resources?: Record<string, string>;
  readonly role: RoleFlag;
}

/** One direction that was begun, and on which side it is waited for. */
interface Begun {
  readonly role: Role;
  readonly at: ClusterEnd;
  readonly started: StartedPeering;
}

/**
 * Peers with the cluster of a token or of a kubeconfig, and waits until the virtual node is Ready. Run again after any
 * interruption it goes on; where the peering stands nothing changes (PEER-14).
 */
export async function peer(session: Session, options: PeerOptions, args: readonly string[]): Promise<Result> {
  const begun = await begin(session, options, args[0]);
  if (session.flags.wait) for (const direction of begun) await wait(session, direction);
  return report(begun, session.flags.wait);
}

async function begin(session: Session, options: PeerOptions, token: string | undefined): Promise<Begun[]> {
  const { flags, signal, progress } = session;
  const hasRemote = flags.remoteKubeconfig !== undefined || flags.remoteContext !== undefined;
  if ((token !== undefined) === hasRemote) {
    const why = hasRemote ? 'a token and a kubeconfig exclude each other' : 'a token or a kubeconfig is missing';
    const next = 'give the token that `tombolo invite` printed there, or --remote-kubeconfig';
    throw new CliError('BadUsage', { attempted: 'peer', where: 'the command line', why, next });
  }
  progress.step('reaching the clusters');
  const cluster = await session.home();
  await requireInstalled(cluster, signal);
  const common = {
    now: await serverTime(cluster, signal),
    signal,
    ...(options.name !== undefined && { name: options.name }),
    ...(options.resources !== undefined && { resources: options.resources }),
  };
  const here: ClusterEnd = { client: cluster.client, cluster: cluster.name };
  const roles = rolesOf(options.role);
  if (token !== undefined) {
    progress.step('writing the peering');
    const started = await startPeering(cluster.client, { ...common, token, roles, cluster: cluster.name });
    return [{ role: roles[0] ?? 'Consume', at: here, started }];
  }
  const remote = await session.remote();
  await requireInstalled(remote, signal);
  progress.step('writing the peering');
  const there: ClusterEnd = { client: remote.client, cluster: remote.name };
  return await peeringFromKubeconfigs(here, there, { ...common, roles });
}

/**
 * Follows one direction to its end.
 * @throws PeeringError where it was refused for good; then what was written here is gone again (PEER-03)
 */
async function wait({ progress, signal }: Session, { at, started }: Begun): Promise<void> {
  try {
    for await (const { step } of waitForPeering(at.client, started, signal)) {
      if (step !== '') progress.step(`peering with ${started.peer}: ${step}`);
    }
  } catch (error) {
    if (!isPeeringError(error) || error.retryable) throw error;
    progress.step('taking back what was written');
    await abandonPeering(at.client, started, signal);
    if (started.isNew) for await (const _ of waitForEnd(at.client, started.peer, undefined, signal));
    throw error;
  }
}

function report(begun: readonly Begun[], isWaited: boolean): Result {
  const views = begun.map(({ role, at, started }) => ({
    role,
    cluster: at.cluster,
    peer: started.peer,
    changed: !started.isUnchanged,
    ready: isWaited,
    ...(started.virtualNode !== undefined && { virtualNode: started.virtualNode }),
  }));
  const lines = views.map(({ cluster, peer: name, virtualNode, changed }) => {
    if (!changed) return `${cluster} is peered with ${name} already; nothing was changed.`;
    const node = virtualNode === undefined ? '' : `; node ${virtualNode} is Ready`;
    if (isWaited) return `${cluster} is peered with ${name}${node}.`;
    return `${cluster} is to be peered with ${name}. To watch: \`kubectl wait peer/${name} --for=condition=ApiReachable\``;
  });
  return { value: { peerings: views }, text: lines.join('\n') };
}
