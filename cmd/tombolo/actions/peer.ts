import type { Role } from '#pkg/api';
import {
  abandonPeering,
  type ClusterEnd,
  comparisonOf,
  isPeeringError,
  peeringFromKubeconfigs,
  requestPeering,
  type StartedPeering,
  startPeering,
  waitForEnd,
  waitForPeering,
} from '#pkg/peering';
import { CliError } from '../errors.ts';
import type { Result } from '../output/format.ts';
import type { Session } from '../session.ts';
import { foundCluster } from './found-cluster.ts';
import { requireInstalled } from './installed.ts';
import { type RoleFlag, rolesOf } from './roles.ts';
import { serverTime } from './server-time.ts';

export interface PeerOptions {
  readonly name?: string;
  readonly resources?: Record<string, string>;
  readonly role: RoleFlag;
  readonly network?: 'tunnel' | 'none';
}

const NETWORK_MODES = { tunnel: 'Tunnel', none: 'None' } as const;

/** One direction that was begun, and on which side it is waited for. */
interface Begun {
  readonly role: Role;
  readonly at: ClusterEnd;
  readonly started: StartedPeering;
  /** What people of both clusters compare, where that one has to approve. */
  readonly comparison?: string;
}

/**
 * Peers with the cluster of a token, of a kubeconfig, or of a name that discovery found, and waits until the virtual node is
 * Ready; in the last case until somebody there has accepted, too. Run again after any interruption it goes on; where the
 * peering stands nothing changes (PEER-14).
 */
export async function peer(session: Session, options: PeerOptions, args: readonly string[]): Promise<Result> {
  const begun = await begin(session, options, args[0]);
  if (session.flags.wait) for (const direction of begun) await wait(session, direction);
  return report(begun, session.flags.wait);
}

/** A name or a fingerprint; every token has a dot in it. Everything else is read as a token, so that a mangled one is told so. */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

async function begin(session: Session, options: PeerOptions, text: string | undefined): Promise<Begun[]> {
  const { flags, signal, progress } = session;
  const hasRemote = flags.remoteKubeconfig !== undefined || flags.remoteContext !== undefined;
  if ((text !== undefined) === hasRemote) {
    const why = hasRemote
      ? 'a token or name and a kubeconfig exclude each other'
      : 'a token, a name or a kubeconfig is missing';
    const next =
      'give the token that `tombolo invite` printed there, a name of `tombolo discover`, or --remote-kubeconfig';
    throw new CliError('BadUsage', { attempted: 'peer', where: 'the command line', why, next });
  }
  progress.step('reaching the clusters');
  const cluster = await session.home();
  const { fingerprint: own = '' } = await requireInstalled(cluster, signal);
  const common = {
    now: await serverTime(cluster, signal),
    signal,
    ...(options.name !== undefined && { name: options.name }),
    ...(options.resources !== undefined && { resources: options.resources }),
    ...(options.network !== undefined && { networkMode: NETWORK_MODES[options.network] }),
  };
  const here: ClusterEnd = { client: cluster.client, cluster: cluster.name };
  const roles = rolesOf(options.role);
  if (text !== undefined && NAME.test(text)) {
    const target = await foundCluster(cluster, text, signal);
    progress.step('writing the peering');
    const started = await requestPeering(cluster.client, { ...common, target, roles, cluster: cluster.name });
    const comparison = comparisonOf(own, target.fingerprint);
    return [{ role: roles[0] ?? 'Consume', at: here, started, comparison }];
  }
  if (text !== undefined) {
    progress.step('writing the peering');
    const started = await startPeering(cluster.client, { ...common, token: text, roles, cluster: cluster.name });
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
  const views = begun.map(({ role, at, started, comparison }) => ({
    role,
    cluster: at.cluster,
    peer: started.peer,
    changed: !started.isUnchanged,
    ready: isWaited,
    ...(started.virtualNode !== undefined && { virtualNode: started.virtualNode }),
    ...(comparison !== undefined && { comparison }),
  }));
  const lines = views.map(({ cluster, peer: name, virtualNode, changed, comparison }) => {
    if (!changed) return `${cluster} is peered with ${name} already; nothing was changed.`;
    const node = virtualNode === undefined ? '' : `; node ${virtualNode} is Ready`;
    if (isWaited) return `${cluster} is peered with ${name}${node}.`;
    const approval =
      comparison === undefined ? '' : ` Its people have to accept; both sides show the fingerprints ${comparison}.`;
    return `${cluster} is to be peered with ${name}.${approval} To watch: \`kubectl wait peer/${name} --for=condition=ApiReachable\``;
  });
  return { value: { peerings: views }, text: lines.join('\n') };
}
