import { runCommand } from '#pkg/runtime';
import { addressIn, type ClusterPlan } from './address-plan.ts';
import { type ApiClient, waitFor } from './api-client.ts';
import { missingCoreDns } from './coredns.ts';
import { type Daemon, ensureDaemon, lastLine, runningDaemon } from './daemon.ts';
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
  const mustRun = watchDaemons(daemons, signal);
  const probe = async (): Promise<string | undefined> => {
    await mustRun();
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
  options: ReadyOptions & {
    /** Network namespace from which names must resolve. */
    readonly namespace: string;
    /** The kubelet of that node must have reported since then; what stands there from before a restart does not count. */
    readonly since: (nodeName: string) => Date;
    readonly note: (detail: string) => void;
  },
): Promise<void> {
  const { daemons, namespace, since, note, signal } = options;
  const mustRun = watchDaemons(daemons, signal);
  const probe = async (): Promise<string | undefined> => {
    await mustRun();
    const missing =
      (await missingNodes(cluster, api, since)) ??
      (await missingCoreDns(api)) ??
      (await missingNames(cluster, namespace, signal));
    note(missing ?? '');
    return missing;
  };
  await waitFor(probe, {
    signal,
    deadlineMs: NODES_DEADLINE_MS,
    late: (last) => late('wait for nodes and names', cluster, last, daemons),
  });
}

/** busybox asks for 10 s; an answer that comes at all comes in milliseconds. */
const LOOKUP_TIMEOUT_MS = 2_000;

/**
 * Asks CoreDNS through its Service, as pods do. After a restart of everything the API shows the state of before, and
 * kube-proxy follows a new endpoint a second late: only asking tells. @throws CommandError while there is no answer
 */
async function missingNames(cluster: ClusterPlan, namespace: string, signal: AbortSignal): Promise<string | undefined> {
  const server = addressIn(cluster.serviceRange, 10);
  const lookup = ['/bin/busybox', 'nslookup', 'kubernetes.default.svc.cluster.local', server];
  await runCommand('nsenter', [`--net=/run/netns/${namespace}`, '--', ...lookup], {
    timeoutMs: LOOKUP_TIMEOUT_MS,
    signal,
  });
  return undefined;
}

function late(attempted: string, cluster: ClusterPlan, why: string, daemons: readonly Daemon[]): TestbedError {
  const next = `read ${daemons.map(({ logFile }) => logFile).join(', ')}`;
  return new TestbedError('NotReady', { attempted, where: cluster.name, why, next });
}

/**
 * All kubelets of a machine make the same socket, at a path that is fixed in the program, after they have removed what is there: two that
 * start within the same milliseconds meet, and one ends. On a machine of its own an init system would start it again.
 */
const SOCKET_TAKEN = /device-plugins\/kubelet\.sock: bind: address already in use/;
const RESTARTS = 5;

/** A program that dies at once, for example over a flag, needs no wait until the deadline. */
function watchDaemons(daemons: readonly Daemon[], signal: AbortSignal): () => Promise<void> {
  let restarts = 0;
  return async () => {
    for (const daemon of daemons) {
      if ((await runningDaemon(daemon.pidFile)) !== undefined) continue;
      const why = await lastLine(daemon.logFile);
      if (SOCKET_TAKEN.test(why) && restarts++ < RESTARTS) {
        await ensureDaemon(daemon, signal);
        continue;
      }
      throw new TestbedError('StepFailed', {
        attempted: `start ${daemon.title}`,
        where: daemon.logFile,
        why: `it ended: ${why}`,
        next: 'read that log, then run `up` again',
      });
    }
  };
}

interface NodeCondition {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
  /** RFC 3339, in whole seconds. */
  readonly lastHeartbeatTime?: string;
}

interface NodeList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status?: { readonly conditions?: readonly NodeCondition[] };
  }[];
}

/** Which node of the plan is not Ready, or has not said so since its `since`; undefined when all are. */
export async function missingNodes(
  cluster: ClusterPlan,
  api: ApiClient,
  since: (nodeName: string) => Date = () => new Date(0),
): Promise<string | undefined> {
  const answer = await api.get('/api/v1/nodes?labelSelector=tombolo.test/real');
  if (answer.status !== 200) return `list nodes: HTTP ${answer.status}`;
  const { items } = JSON.parse(answer.text) as NodeList;
  for (const node of cluster.nodes) {
    const conditions = items.find((item) => item.metadata.name === node.nodeName)?.status?.conditions ?? [];
    const ready = conditions.find((condition) => condition.type === 'Ready');
    if (ready?.status !== 'True') return `${node.nodeName}: ${ready?.message ?? 'its kubelet has not reported yet'}`;
    const reported = Date.parse(ready.lastHeartbeatTime ?? '') + 1_000; // the end of the second that it names
    if (!(reported > since(node.nodeName).getTime()))
      return `${node.nodeName}: its kubelet has not reported since it was started`;
  }
  return undefined;
}
