import { DISCOVERED_CLUSTER, type DiscoveredCluster, INVITE, PEER, SYSTEM_NAMESPACE } from '#pkg/api';
import { type KubeClient, NAMESPACE } from '#pkg/kube';
import { listRequests } from '#pkg/peering';
import { connect } from '../connect.ts';

export interface NamesRequest {
  readonly before: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** Names of the objects that an argument may be: peers, namespaces, invites, clusters that were found or that ask. None where the cluster does not answer. */
export async function clusterNames(argument: string, { before, env, signal }: NamesRequest): Promise<string[]> {
  const flag = (name: string): string | undefined => {
    const at = before.indexOf(name);
    return at < 0 ? undefined : before[at + 1];
  };
  try {
    const target = { what: 'this cluster', kubeconfig: flag('--kubeconfig'), context: flag('--context') };
    await using cluster = await connect(target, env, signal);
    return await list(argument, cluster.client, signal);
  } catch {
    return []; // nothing is lost: the shell completes nothing, and the command itself says what is wrong
  }
}

async function list(argument: string, client: KubeClient, signal: AbortSignal): Promise<string[]> {
  switch (argument) {
    case 'peer':
      return names(await client.list(PEER, {}, { signal }));
    case 'namespace':
      return names(await client.list(NAMESPACE, {}, { signal }));
    case 'invite':
      return names(await client.list(INVITE, { namespace: SYSTEM_NAMESPACE }, { signal }));
    case 'found': {
      const { items } = await client.list<DiscoveredCluster>(DISCOVERED_CLUSTER, {}, { signal });
      return [...new Set(items.map(({ spec }) => spec.clusterName))];
    }
    case 'request':
      return [...new Set((await listRequests(client, signal)).map(({ spec }) => spec.clusterName))];
    default:
      return [];
  }
}

function names({ items }: { items: readonly { metadata: { name: string } }[] }): string[] {
  return items.map((item) => item.metadata.name);
}
