import {
  GRANT,
  type Grant,
  NAME,
  NAMESPACE_CLAIM,
  type NamespaceClaim,
  OFFLOADING,
  type Offloading,
  PEER,
  type Peer,
  SYSTEM_NAMESPACE,
  VIRTUAL_NODE,
  type VirtualNode,
  LABEL,
} from '#pkg/api';
import { type Cluster, type KubeObject, LEASE, type Lease, NODE, type Node, type Resource } from '#pkg/kube';
import { type ClusterInfo, clusterInfo, undefinedIfAbsent } from '../installed.ts';
import { timeOf } from '../server-time.ts';
import { readProcesses } from '../install/processes.ts';
import type { ProcessState } from '../install/readiness.ts';

/** Everything that a status is judged from. A part that could not be read is empty, and named in `unreadable`. */
export interface Facts {
  readonly contextName: string;
  /** The time of the API server, by which its leases and times are judged: the clock here may be minutes off. */
  readonly now: Date;
  readonly kubernetesVersion: string;
  readonly info: ClusterInfo | undefined;
  readonly processes: readonly ProcessState[];
  readonly leaderLease: Lease | undefined;
  readonly peers: readonly Peer[];
  readonly virtualNodes: readonly VirtualNode[];
  readonly nodes: readonly Node[];
  /** Those that are no virtual nodes. */
  readonly realNodes: readonly Node[];
  readonly nodeLeases: readonly Lease[];
  readonly offloadings: readonly Offloading[];
  readonly grants: readonly Grant[];
  readonly claims: readonly NamespaceClaim[];
  readonly unreadable: readonly { what: string; why: string }[];
}

/** Reads all parts side by side; one that fails or is late spoils no other. */
export async function readFacts(cluster: Cluster, signal: AbortSignal): Promise<Facts> {
  const unreadable: { what: string; why: string }[] = [];
  const part = async <T>(what: string, read: Promise<T>, otherwise: T): Promise<T> =>
    await read.catch((error: unknown) => {
      unreadable.push({ what, why: error instanceof Error ? error.message : String(error) });
      return otherwise;
    });
  const list = async <T extends KubeObject>(what: string, resource: Resource<T>, query = {}): Promise<T[]> =>
    (await part(what, cluster.client.list(resource, query, { signal }), { items: [], resourceVersion: '' })).items;
  const leader = { namespace: SYSTEM_NAMESPACE, name: NAME.leaderLease };
  const [
    server,
    info,
    processes,
    leaderLease,
    peers,
    virtualNodes,
    nodes,
    realNodes,
    nodeLeases,
    offloadings,
    grants,
    claims,
  ] = await Promise.all([
    part('the version of Kubernetes', readServer(cluster, signal), { now: new Date(), gitVersion: 'unknown' }),
    part('ConfigMap tombolo-cluster', clusterInfo(cluster, signal), undefined),
    part('the processes', readProcesses(cluster, signal), { states: [], failure: undefined }),
    part('the leader lease', cluster.client.get(LEASE, leader, { signal }).catch(undefinedIfAbsent), undefined),
    list<Peer>('the peers', PEER),
    list<VirtualNode>('the virtual nodes', VIRTUAL_NODE),
    list<Node>('the nodes', NODE, { labelSelector: LABEL.peer }),
    list<Node>('the real nodes', NODE, { labelSelector: `!${LABEL.peer}` }),
    list<Lease>('the node leases', LEASE, { namespace: 'kube-node-lease' }),
    list<Offloading>('the offloaded namespaces', OFFLOADING),
    list<Grant>('the grants', GRANT),
    list<NamespaceClaim>('the claims of namespaces', NAMESPACE_CLAIM),
  ]);
  return {
    contextName: cluster.name,
    now: server.now,
    kubernetesVersion: server.gitVersion,
    info,
    processes: processes.states,
    leaderLease,
    peers,
    virtualNodes,
    nodes,
    realNodes,
    nodeLeases,
    offloadings,
    grants,
    claims,
    unreadable,
  };
}

async function readServer(cluster: Cluster, signal: AbortSignal): Promise<{ now: Date; gitVersion: string }> {
  const answer = await cluster.client.request('GET', '/version', { signal });
  const { gitVersion } = JSON.parse(answer.body.toString('utf8')) as { gitVersion: string };
  return { now: timeOf(answer.headers), gitVersion };
}
