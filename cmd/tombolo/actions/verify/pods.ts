import { setTimeout as sleep } from 'node:timers/promises';
import { readMeasurements } from '#network/reach';
import { CONDITION } from '#pkg/api';
import { type Cluster, type Pod, POD } from '#pkg/kube';
import { CliError } from '../../errors.ts';
import { type Session, waitFor } from '../../session.ts';
import { startFailure } from '../install/readiness.ts';
import { type Client, CLIENTS, clientPod, type Line, lineWithout, SERVER_NAME } from './matrix.ts';

const LOOK_MS = 250;
/** The address of a remote pod comes with its readiness or not at all. */
const ADDRESS_MS = 5_000;
/** From the creation of the clients: a node that pulls nothing, the patience of a client, and the way back of its log. */
const CLIENTS_MS = 45_000;
const LOG_LIMIT_BYTES = 100_000;

/** The run that pods belong to. */
export interface Run {
  readonly session: Session;
  readonly cluster: Cluster;
  readonly namespace: string;
}

/** Own addresses of the server pods; `there` is undefined where its peer's range has no alias here. */
export interface OwnAddresses {
  readonly here: string;
  readonly there: string | undefined;
}

/**
 * Waits until both server pods answer their probe.
 * @throws CliError `ImageNotPullable`, `ProcessNotStarting` or `Refused` as soon as a pod shows that it will not start
 */
export async function waitForServers({ session, cluster, namespace }: Run): Promise<OwnAddresses> {
  const { signal, progress } = session;
  let readySinceMs: number | undefined;
  return await waitFor(
    session,
    'waiting for the pods that answer',
    async () => {
      const { items } = await cluster.client.list(POD, { namespace }, { signal });
      const [here, there] = [podOf(items, SERVER_NAME.here), podOf(items, SERVER_NAME.there)];
      for (const pod of [here, there]) if (pod !== undefined) throwIfHopeless(pod);
      const late = [here, there].filter((pod) => pod !== undefined && !isReady(pod)).map((pod) => stateOf(pod));
      const address = here?.status?.podIP;
      if (late.length > 0 || address === undefined || there === undefined) {
        progress.step(`waiting for the pods that answer (${late.join('; ')})`);
        return undefined;
      }
      readySinceMs ??= performance.now();
      const isSettled = there.status?.podIP !== undefined || performance.now() - readySinceMs > ADDRESS_MS;
      return isSettled ? { here: address, there: there.status?.podIP } : undefined;
    },
    LOOK_MS,
  );
}

/** Waits for the clients and reads what they found; one that did not end, or was refused, has lines that say so. */
export async function readClients(run: Run): Promise<Line[]> {
  const { session, cluster, namespace } = run;
  const { signal, progress } = session;
  const endMs = performance.now() + CLIENTS_MS;
  const found = new Map<Client, Line[]>();
  progress.step('waiting for the pods that ask');
  for (;;) {
    const { items } = await cluster.client.list(POD, { namespace }, { signal });
    const isLate = performance.now() > endMs;
    for (const client of CLIENTS) {
      if (found.has(client)) continue;
      const lines = await linesOf(run, client, podOf(items, clientPod(client)), isLate);
      if (lines !== undefined) found.set(client, lines);
    }
    if (found.size === CLIENTS.length) return CLIENTS.flatMap((client) => found.get(client) ?? []);
    await sleep(LOOK_MS, undefined, { signal });
  }
}

/** Undefined while the pod may still end. */
async function linesOf(run: Run, client: Client, pod: Pod | undefined, isLate: boolean): Promise<Line[] | undefined> {
  const phase = pod?.status?.phase;
  const refusal = pod && refusalOf(pod);
  if (refusal !== undefined) return [lineWithout(client, 'skipped', refusal)];
  if (phase !== 'Succeeded' && phase !== 'Failed') {
    return isLate ? [lineWithout(client, 'failed', `its pod has not ended: ${stateOf(pod)}`)] : undefined;
  }
  const log = await readLog(run, clientPod(client));
  const lines = readMeasurements(log).map((entry): Line => ({ from: client, ...entry }));
  if (lines.length > 0) return lines;
  return [lineWithout(client, 'failed', `its pod ended without a result: ${lastLine(log)}`)];
}

/** @returns the log, or the sentence that says why it cannot be read: both end in the line of the table */
async function readLog({ session, cluster, namespace }: Run, name: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/log`;
  const query = { limitBytes: String(LOG_LIMIT_BYTES) };
  const answer = await cluster.client.request('GET', path, { query, signal: session.signal });
  return answer.body.toString('utf8');
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 300) || 'its log is empty';
}

function podOf(pods: readonly Pod[], name: string): Pod | undefined {
  return pods.find((pod) => pod.metadata.name === name);
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((entry) => entry.type === 'Ready' && entry.status === 'True') ?? false;
}

/** The peer's word that it will not run this pod, whatever time passes. */
function refusalOf(pod: Pod): string | undefined {
  const condition = pod.status?.conditions?.find((entry) => entry.type === CONDITION.offloaded);
  const isFinal = condition?.status === 'False' && ['PodSecurity', 'Refused'].includes(condition.reason ?? '');
  return isFinal ? `the peer does not run it (${condition.reason}: ${condition.message})` : undefined;
}

function throwIfHopeless(pod: Pod): void {
  const failure = startFailure(pod);
  if (failure !== undefined) throw failure;
  const facts = { attempted: 'start a pod that answers', where: `pod ${pod.metadata.name}` };
  const refusal = refusalOf(pod);
  if (refusal !== undefined) throw new CliError('Refused', { ...facts, why: refusal });
  if (pod.status?.phase !== 'Failed') return;
  const next = 'install the newest version here (`tombolo install`): the image must hold /app/verify.js';
  throw new CliError('ProcessNotStarting', { ...facts, why: `it has ended: ${stateOf(pod)}`, next });
}

/** What a pod is about, in words. */
function stateOf(pod: Pod | undefined): string {
  if (pod === undefined) return 'it does not exist';
  const offloaded = pod.status?.conditions?.find((entry) => entry.type === CONDITION.offloaded);
  const scheduled = pod.status?.conditions?.find((entry) => entry.type === 'PodScheduled' && entry.status === 'False');
  const state = pod.status?.containerStatuses?.[0]?.state;
  const words =
    scheduled?.message ??
    (offloaded?.status === 'False' ? offloaded.message : undefined) ??
    state?.waiting?.message ??
    state?.waiting?.reason ??
    (state?.terminated === undefined ? undefined : `exit code ${state.terminated.exitCode}`) ??
    pod.status?.phase ??
    'Pending';
  return `${pod.metadata.name}: ${words}`;
}
