import { randomBytes } from 'node:crypto';
import { NAME, PEER, type Peer, SYSTEM_NAMESPACE, VIRTUAL_NODE, type VirtualNode } from '#pkg/api';
import {
  type Cluster,
  collectionPath,
  CSR,
  ENDPOINT_SLICE,
  type EndpointSlice,
  type KubeObject,
  LEASE,
  type ListOptions,
  MUTATING_WEBHOOK,
  POD,
  type Ref,
  type Resource,
  type Status,
  VALIDATING_WEBHOOK,
} from '#pkg/kube';
import { messageOf } from '#pkg/runtime';
import { clusterInfo, undefinedIfAbsent } from '../installed.ts';
import { readProcesses } from '../install/processes.ts';
import { judge } from '../status/judge.ts';
import { readFacts as readStatusFacts } from '../status/read.ts';
import type { Facts, RemoteFacts, WebhookAnswer } from './facts.ts';

/**
 * Reads everything side by side; what fails or is late is named in `status.unreadable` and spoils nothing else.
 * @param remote opens the other cluster; absent where none was given
 * @param only the one peer that is asked about
 */
export async function readFacts(
  cluster: Cluster,
  { remote, only }: { readonly remote?: () => Promise<Cluster>; readonly only?: string | undefined },
  signal: AbortSignal,
): Promise<Facts> {
  const unreadable: { what: string; why: string }[] = [];
  const part = async <T>(what: string, read: Promise<T>, otherwise: T): Promise<T> =>
    await read.catch((error: unknown) => {
      unreadable.push({ what, why: messageOf(error) });
      return otherwise;
    });
  const { client } = cluster;
  const list = async <T extends KubeObject>(what: string, resource: Resource<T>, query: ListOptions): Promise<T[]> =>
    (await part(what, client.list(resource, query, { signal }), { items: [], resourceVersion: '' })).items;
  const find = <T extends KubeObject>(what: string, resource: Resource<T>, ref: Ref): Promise<T | undefined> =>
    part(what, client.get(resource, ref, { signal }).catch(undefinedIfAbsent), undefined);
  const system = { namespace: SYSTEM_NAMESPACE };
  const configuration = { name: NAME.webhookConfiguration };
  const slicesOf = { ...system, labelSelector: `kubernetes.io/service-name=${NAME.webhookService}` };
  const [status, there, clockOffsetMs, pods, requests, gatewayLease, mutating, validating, slices, webhook] =
    await Promise.all([
      readStatusFacts(cluster, signal),
      remote === undefined ? undefined : readRemote(remote, signal),
      part('the clock of the API server', clockOffset(cluster, signal), 0),
      list('our pods', POD, { ...system, labelSelector: 'app.kubernetes.io/name=tombolo' }),
      list('requests for certificates', CSR, {}),
      find('the lease of the gateway', LEASE, { ...system, name: NAME.gatewayLease }),
      find('the mutating webhook', MUTATING_WEBHOOK, configuration),
      find('the validating webhook', VALIDATING_WEBHOOK, configuration),
      list('the endpoints of the webhook', ENDPOINT_SLICE, slicesOf),
      askWebhook(cluster, signal),
    ]);
  const all = { ...status, unreadable: [...status.unreadable, ...unreadable] };
  return {
    status: all,
    view: judge(all),
    peers: all.peers.filter(({ metadata }) => only === undefined || metadata.name === only),
    clockOffsetMs,
    pods,
    gatewayLease,
    requests,
    webhook,
    webhookEndpoints: slices.flatMap(readyEndpoints).length,
    webhookConfigurations: { mutating, validating },
    ...(there !== undefined && ('problem' in there ? { remoteProblem: there.problem } : { remote: there })),
  };
}

/** Of a Service without pods the list is null. */
export function readyEndpoints({ endpoints }: EndpointSlice): object[] {
  return ((endpoints ?? []) as EndpointSlice['endpoints']).filter(({ conditions }) => conditions?.ready !== false);
}

/** The API server's clock minus ours, by the Date of an answer (RFC 9110: whole seconds, cut off). */
async function clockOffset(cluster: Cluster, signal: AbortSignal): Promise<number> {
  const sentAt = Date.now();
  const { headers } = await cluster.client.request('GET', '/version', { signal });
  const middle = (sentAt + Date.now()) / 2;
  const date = headers['date'];
  const there = typeof date === 'string' ? Date.parse(date) + 500 : Number.NaN;
  if (Number.isNaN(there)) throw new Error('its answers hold no Date');
  return there - middle;
}

/**
 * Makes the API server ask our webhook: by a VirtualNode that is created as a dry run, so that nothing is stored, whatever the
 * answer is. What the API server says then is its own experience, by its own network.
 */
async function askWebhook({ client }: Cluster, signal: AbortSignal): Promise<WebhookAnswer> {
  const name = `tombolo-diagnose-${randomBytes(4).toString('hex')}`;
  const body: VirtualNode = {
    apiVersion: `${VIRTUAL_NODE.group}/${VIRTUAL_NODE.version}`,
    kind: VIRTUAL_NODE.kind,
    metadata: { name },
    spec: { peer: name },
  };
  const query = { dryRun: 'All', fieldManager: 'tombolo-diagnose' };
  try {
    const answer = await client.request('POST', collectionPath(VIRTUAL_NODE), { body, query, signal });
    return webhookAnswerOf(answer.status, answer.body.toString('utf8'));
  } catch (error) {
    return { state: 'unknown', why: messageOf(error) };
  }
}

/** Whether an answer of the API server to a create shows that it has asked the webhook. Pure. */
export function webhookAnswerOf(status: number, body: string): WebhookAnswer {
  if (status < 300) return { state: 'answers' };
  const said = messageIn(body);
  const failure = /failed calling webhook "[^"]*": (.*)$/s.exec(said)?.[1];
  if (failure !== undefined) return { state: 'silent', why: failure.replaceAll(/\s+/g, ' ') };
  if (/admission webhook "[^"]*" denied the request/.test(said)) return { state: 'answers' };
  return { state: 'unknown', why: `the API server answers ${status}: ${said}` };
}

function messageIn(body: string): string {
  try {
    return (JSON.parse(body) as Status).message ?? body;
  } catch {
    return body; // no Status: a proxy has answered, and what it says is shown
  }
}

async function readRemote(
  remote: () => Promise<Cluster>,
  signal: AbortSignal,
): Promise<RemoteFacts | { readonly problem: string }> {
  try {
    const cluster = await remote();
    const [clockOffsetMs, info, { states }, { items }] = await Promise.all([
      clockOffset(cluster, signal),
      clusterInfo(cluster, signal),
      readProcesses(cluster, signal),
      cluster.client.list<Peer>(PEER, {}, { signal }),
    ]);
    return { name: info?.clusterName ?? cluster.name, clockOffsetMs, info, processes: states, peers: items };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}
