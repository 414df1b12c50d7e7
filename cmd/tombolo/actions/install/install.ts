import { PEER } from '#pkg/api';
import type { Cluster } from '#pkg/kube';
import { CliError } from '../../errors.ts';
import type { Result } from '../../output/format.ts';
import { type Session, waitFor } from '../../session.ts';
import { clusterInfo } from '../installed.ts';
import { applyCrds, chartFolder, unservedCrds } from './chart.ts';
import { clusterNameFrom } from './cluster-name.ts';
import { findHelm, valuesFile } from './helm.ts';
import { checkRights, checkVersion } from './preflight.ts';
import { networkValues } from './network.ts';
import { waitForProcesses } from './processes.ts';
import { upgradeIfNeeded } from './upgrade.ts';
import { askedValues, mergeValues, type Values } from './values.ts';

export interface InstallOptions {
  readonly clusterName?: string;
  readonly image?: string;
  readonly peeringAddress?: readonly string[];
  readonly apiServer?: string;
  readonly podRange?: readonly string[];
  readonly serviceRange?: readonly string[];
  readonly nodeRange?: readonly string[];
  readonly anchorRange?: string;
  readonly chart?: string;
  readonly set?: readonly string[];
  readonly values?: readonly string[];
}

/**
 * Installs or updates Tombolo, and waits until every process is ready. Whatever can be refused is refused before anything is
 * changed. Run again it finishes what is half done, and changes nothing where nothing differs (CLI-01).
 */
export async function install(session: Session, options: InstallOptions): Promise<Result> {
  const { signal, progress } = session;
  const asked = askedValues(options);
  const chart = await chartFolder(options.chart);
  progress.step('checking the cluster');
  const cluster = await session.home();
  const [kubeVersion, helm] = await Promise.all([
    checkVersion(cluster, signal),
    findHelm(session.flags, session.env, chart, signal),
    checkRights(cluster, signal),
  ]);
  // What was given at an earlier installation stays, as far as it is not given anew.
  const previous = (await helm.state()) === undefined ? {} : await helm.values();
  const values = mergeValues(previous, asked);
  const clusterName = await chooseName(values, options, cluster, session);
  const { network, note } = await networkValues(cluster, values, signal);
  if (note !== undefined) progress.note(note);
  await using file = await valuesFile({ ...values, clusterName, network });
  const flags = [
    `--values=${file.path}`,
    ...(options.values ?? []).map((path) => `--values=${path}`),
    ...(options.set ?? []).map((pair) => `--set=${pair}`),
  ];
  // Rendering applies the schema of the values: it refuses them before the cluster is touched.
  progress.step('checking the values');
  const wanted = await helm.render(flags, kubeVersion);
  progress.step('writing the CRDs');
  const hasNewCrds = await applyCrds(cluster, chart, signal);
  await waitFor(session, 'waiting for the API server to serve the CRDs', async () =>
    (await unservedCrds(cluster, chart, signal)).length === 0 ? true : undefined,
  );
  const isUpgraded = await upgradeIfNeeded({ session, helm, cluster, wanted, flags });
  if (session.flags.wait) await waitForProcesses(cluster, session);
  return await describe(cluster, clusterName, hasNewCrds || isUpgraded, session);
}

/**
 * The name from the flag, the values or the context. It cannot change while peers know the cluster by it.
 * @throws CliError `StillInUse`
 */
async function chooseName(
  values: Values,
  options: InstallOptions,
  cluster: Cluster,
  session: Session,
): Promise<string> {
  const given = values['clusterName'];
  const isGiven = typeof given === 'string' && given !== '';
  const name = isGiven ? given : clusterNameFrom(cluster.name);
  const isGivenToHelm =
    options.values !== undefined || (options.set ?? []).some((pair) => pair.includes('clusterName='));
  if (!isGiven && !isGivenToHelm) {
    session.progress.note(`this cluster will be called "${name}" (choose with --cluster-name)`);
  }
  const info = await clusterInfo(cluster, session.signal);
  if (info === undefined || info.clusterName === name) return name;
  const peers = await cluster.client.list(PEER, {}, { signal: session.signal });
  if (peers.items.length === 0) return name;
  throw new CliError('StillInUse', {
    attempted: `call this cluster "${name}"`,
    where: `cluster ${cluster.name}`,
    why: `its peers know it as "${info.clusterName}": ${peers.items.map((peer) => peer.metadata.name).join(', ')}`,
    next: 'keep that name, or `tombolo unpeer` them first',
  });
}

async function describe(cluster: Cluster, clusterName: string, isChanged: boolean, session: Session): Promise<Result> {
  const isReady = session.flags.wait;
  const info = await clusterInfo(cluster, session.signal);
  const value = {
    clusterName: info?.clusterName ?? clusterName,
    changed: isChanged,
    ready: isReady,
    ...(info?.fingerprint !== undefined && { fingerprint: info.fingerprint }),
    ...(info?.version !== undefined && { version: info.version }),
    peeringAddresses: info?.addresses ?? [],
  };
  const done = isChanged ? 'Tombolo is installed' : 'Tombolo is installed already; nothing was changed';
  const lines = [
    `${done} on cluster ${value.clusterName}.`,
    ...(info?.fingerprint === undefined ? [] : [`Fingerprint        ${info.fingerprint}`]),
    ...(value.peeringAddresses.length === 0 ? [] : [`Peering endpoint   ${value.peeringAddresses.join(', ')} (TCP)`]),
    ...(isReady ? [] : ['To watch: `kubectl -n tombolo-system rollout status deployment/tombolo-controller`']),
  ];
  return { value, text: lines.join('\n') };
}
