import { NAME, PEER, type Peer, SYSTEM_NAMESPACE } from '#pkg/api';
import { type Cluster, DEPLOYMENT, POD, SERVICE } from '#pkg/kube';
import { isCodedError, mapLimit } from '#pkg/runtime';
import { CliError, EXIT } from '../../errors.ts';
import type { Result } from '../../output/format.ts';
import type { Session } from '../../session.ts';
import { requireInstalled } from '../installed.ts';
import { knownPeer } from '../known-peer.ts';
import { diagnose } from './diagnose.ts';
import { clientPodOf, type PodImage, serverPod, serverService } from './manifests.ts';
import { CLIENTS, targetsOf } from './matrix.ts';
import { addressesOf, reportOf, tunnelProblem } from './peer-network.ts';
import { readClients, type Run, waitForServers } from './pods.ts';
import { type PeerReport, printReports } from './print.ts';
import { sweep, withScratch } from './scratch.ts';

export interface VerifyOptions {
  readonly image?: string;
}

/** Peers at once: six pods each. */
const PEERS_AT_ONCE = 3;

/**
 * Sends packets between both clusters of each peering, and says which hop fails (CLI-16). Changes nothing for longer than
 * it runs.
 * @returns exit code 4 where anything did not arrive
 * @throws CliError `UnknownPeer`, `NotInstalled`, `Refused`; for one peer also what keeps its pods from starting
 */
export async function verify(session: Session, { image }: VerifyOptions, args: readonly string[]): Promise<Result> {
  const { signal, progress } = session;
  progress.step('looking at the peers');
  const cluster = await session.home();
  await requireInstalled(cluster, signal);
  const peers = await peersToVerify(cluster, args[0], signal);
  await sweep(cluster, signal);
  const podImage = await imageOf(cluster, image, signal);
  const reports = await mapLimit(peers, PEERS_AT_ONCE, async (peer) => {
    try {
      return await verifyPeer(session, cluster, peer, podImage);
    } catch (error) {
      signal.throwIfAborted();
      if (peers.length === 1 || !isCodedError(error)) throw error;
      return reportOf(peer, [], [{ hop: 'pods', message: error.message }]); // one peer says nothing of the others
    }
  });
  const isHealthy = reports.every((report) => report.healthy);
  return {
    value: { healthy: isHealthy, peers: reports },
    text: printReports(reports),
    exitCode: isHealthy ? EXIT.done : EXIT.unhealthy,
  };
}

/** The peers that pods of ours can run on. */
async function peersToVerify(cluster: Cluster, name: string | undefined, signal: AbortSignal): Promise<Peer[]> {
  const attempted = 'verify the network';
  const uses = ({ spec }: Peer): boolean => spec.roles.includes('Consume');
  if (name !== undefined) {
    const peer = await knownPeer(cluster, name, attempted, signal);
    if (uses(peer)) return [peer];
    const why = 'this cluster does not use it, so no pod can be placed there';
    throw new CliError('Refused', { attempted, where: `peer ${name}`, why, next: 'run the command on that cluster' });
  }
  const peers = (await cluster.client.list<Peer>(PEER, {}, { signal })).items.filter(uses);
  if (peers.length > 0) return peers;
  const next = 'peer with one by `tombolo peer`, or run the command on a cluster that uses this one';
  throw new CliError('Refused', { attempted, where: `cluster ${cluster.name}`, why: 'it uses no peer', next });
}

/** The image of this installation: every node can pull it, and the peer's most likely too. */
async function imageOf(cluster: Cluster, wanted: string | undefined, signal: AbortSignal): Promise<PodImage> {
  const ref = { namespace: SYSTEM_NAMESPACE, name: NAME.controllerAccount };
  const container = (await cluster.client.get(DEPLOYMENT, ref, { signal })).spec?.template.spec?.containers[0];
  const image = wanted ?? container?.image;
  if (image !== undefined) return { image, imagePullPolicy: container?.imagePullPolicy ?? 'IfNotPresent' };
  const where = `Deployment ${ref.namespace}/${ref.name}`;
  throw new CliError('BadFlag', { attempted: 'find an image', where, why: 'it names none', next: 'give --image' });
}

async function verifyPeer(session: Session, cluster: Cluster, peer: Peer, image: PodImage): Promise<PeerReport> {
  const broken = tunnelProblem(peer);
  if (broken !== undefined) return reportOf(peer, [], [broken]);
  const { name } = peer.metadata;
  return await withScratch(session, cluster, name, async (namespace) => {
    const run: Run = { session, cluster, namespace };
    const { signal } = session;
    const inNamespace = <T extends { metadata: object }>(object: T): T => ({
      ...object,
      metadata: { ...object.metadata, namespace },
    });
    await Promise.all(
      (['here', 'there'] as const).flatMap((side) => [
        cluster.client.create(SERVICE, inNamespace(serverService(side)), { signal }),
        cluster.client.create(POD, inNamespace(serverPod(side, name, image)), { signal }),
      ]),
    );
    const addresses = addressesOf(peer, await waitForServers(run));
    if ('hop' in addresses) return reportOf(peer, [], [addresses]);
    await Promise.all(
      CLIENTS.map((client) => {
        const pod = clientPodOf(client, targetsOf(client, addresses), name, image);
        return cluster.client.create(POD, inNamespace(pod), { signal });
      }),
    );
    const lines = await readClients(run);
    return reportOf(peer, lines, diagnose(lines, name));
  });
}
