import { NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import { type Cluster, DEPLOYMENT, POD, REPLICA_SET } from '#pkg/kube';
import { type Session, waitFor } from '../../session.ts';
import { clusterInfo } from '../installed.ts';
import { newestPods, type ProcessState, processState, startFailure } from './readiness.ts';

const DEPLOYMENTS = [NAME.controllerAccount, NAME.kubeletAccount];
/** Only where the cluster has a network of ours. */
const IF_THERE = [NAME.gatewayService];

/**
 * Waits until every process is ready and the controller has written down who this cluster is.
 * @throws CliError `ImageNotPullable` or `ProcessNotStarting` as soon as a pod shows that waiting is in vain
 */
export async function waitForProcesses(cluster: Cluster, session: Session): Promise<void> {
  const { progress, signal } = session;
  await waitFor(session, 'waiting for the processes', async () => {
    const { states, failure } = await readProcesses(cluster, signal);
    if (failure !== undefined) throw failure;
    const late = states.filter((state) => !state.isReady);
    if (late.length === 0) return true;
    progress.step(`waiting for ${late.map(({ name, words }) => `${name} (${words})`).join(', ')}`);
    return undefined;
  });
  await waitFor(session, 'waiting for the identity of this cluster', async () =>
    (await clusterInfo(cluster, signal))?.fingerprint === undefined ? undefined : true,
  );
}

/** The state of each Deployment of ours, also of one that is not there, and the first reason why a pod will not start. */
export async function readProcesses(
  cluster: Cluster,
  signal: AbortSignal,
): Promise<{ states: ProcessState[]; failure: Error | undefined }> {
  const query = { namespace: SYSTEM_NAMESPACE, labelSelector: 'app.kubernetes.io/name=tombolo' };
  const [deployments, replicaSets, pods] = await Promise.all([
    cluster.client.list(DEPLOYMENT, query, { signal }),
    cluster.client.list(REPLICA_SET, query, { signal }),
    cluster.client.list(POD, query, { signal }),
  ]);
  const isThere = (name: string) => deployments.items.some(({ metadata }) => metadata.name === name);
  const found = [...DEPLOYMENTS, ...IF_THERE.filter(isThere)].map((name) => {
    const deployment = deployments.items.find((item) => item.metadata.name === name);
    if (deployment === undefined) return { state: { name, isReady: false, words: 'it does not exist' }, newest: [] };
    const newest = newestPods(deployment, replicaSets.items, pods.items);
    return { state: processState(deployment, newest), newest };
  });
  return {
    states: found.map(({ state }) => state),
    failure: found.flatMap(({ newest }) => newest.map(startFailure)).find((error) => error !== undefined),
  };
}
