import type { ClusterPlan } from './address-plan.ts';
import { type ApiClient, waitFor } from './api-client.ts';
import { missingCoreDns } from './coredns.ts';
import { type Daemon, lastLine, runningDaemon } from './daemon.ts';
import { TestbedError } from './errors.ts';

/** An API server on a machine that builds Go programs at the same time was seen to take 40 s. */
const API_DEADLINE_MS = 180_000;
const NODES_DEADLINE_MS = 180_000;

export interface ReadyOptions {
  /** Waiting is in vain once one of these has ended. */
  readonly daemons: readonly Daemon[];
  readonly signal: AbortSignal;
}

/** Waits until the API server says it is ready. @throws TestbedError */
export async function waitForApi(cluster: ClusterPlan, api: ApiClient, options: ReadyOptions): Promise<void> {
  const { daemons, signal } = options;
  const probe = async (): Promise<string | undefined> => {
    await mustRun(daemons);
    const answer = await api.get('/readyz');
    return answer.status === 200 ? undefined : `HTTP ${answer.status}: ${answer.text.split('\n')[0]}`;
  };
  await waitFor(probe, {
    signal,
    deadlineMs: API_DEADLINE_MS,
    late: (last) => late('start the API server', cluster, last, daemons),
  });
}

/** Waits until all real nodes are Ready and CoreDNS serves; `note` is told what is missing. @throws TestbedError */
export async function waitForNodes(
  cluster: ClusterPlan,
  api: ApiClient,
  options: ReadyOptions & { readonly note: (detail: string) => void },
): Promise<void> {
  const { daemons, note, signal } = options;
  const probe = async (): Promise<string | undefined> => {
    await mustRun(daemons);
    const missing = (await missingNodes(cluster, api)) ?? (await missingCoreDns(api));
    note(missing ?? '');
    return missing;
  };
  await waitFor(probe, {
    signal,
    deadlineMs: NODES_DEADLINE_MS,
    late: (last) => late('wait for nodes and names', cluster, last, daemons),
  });
}

function late(attempted: string, cluster: ClusterPlan, why: string, daemons: readonly Daemon[]): TestbedError {
  const next = `read ${daemons.map(({ logFile }) => logFile).join(', ')}`;
  return new TestbedError('NotReady', { attempted, where: cluster.name, why, next });
}

/** A program that dies at once, for example over a flag, needs no wait until the deadline. */
async function mustRun(daemons: readonly Daemon[]): Promise<void> {
  for (const { title, pidFile, logFile } of daemons) {
    if ((await runningDaemon(pidFile)) !== undefined) continue;
    throw new TestbedError('StepFailed', {
      attempted: `start ${title}`,
      where: logFile,
      why: `it ended: ${await lastLine(logFile)}`,
      next: 'read that log, then run `up` again',
    });
  }
}

interface NodeList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status?: { readonly conditions?: readonly { type: string; status: string; message?: string }[] };
  }[];
}

/** Which node of the plan is not Ready, with what its kubelet says; undefined when all are. */
export async function missingNodes(cluster: ClusterPlan, api: ApiClient): Promise<string | undefined> {
  const answer = await api.get('/api/v1/nodes?labelSelector=tombolo.test/real');
  if (answer.status !== 200) return `list nodes: HTTP ${answer.status}`;
  const { items } = JSON.parse(answer.text) as NodeList;
  for (const node of cluster.nodes) {
    const conditions = items.find((item) => item.metadata.name === node.nodeName)?.status?.conditions ?? [];
    const ready = conditions.find((condition) => condition.type === 'Ready');
    if (ready?.status !== 'True') return `${node.nodeName}: ${ready?.message ?? 'its kubelet has not reported yet'}`;
  }
  return undefined;
}
