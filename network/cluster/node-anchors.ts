import { allotAnchors } from '#network/ipam';
import { readCidr } from '#network/cidr';
import { ANNOTATION, type ClusterNetwork, NAME } from '#pkg/api';
import { type Informer, isNotFound, type KubeClient, NODE, type Node } from '#pkg/kube';
import { done, type Log, type Reconciler } from '#pkg/runtime';

export interface NodeAnchorsDeps {
  readonly client: KubeClient;
  readonly networks: Pick<Informer<ClusterNetwork>, 'get'>;
  readonly nodes: Pick<Informer<Node>, 'get' | 'list'>;
  readonly log: Log;
}

/** The one key of the queue: anchors are allotted for all nodes at once. */
export const ALL_NODES = 'nodes';

const FIELD_MANAGER = 'tombolo-network';

/** What this cluster's nodes are known by at peers. For the leader, with one worker. */
export function nodeAnchorsReconciler({ client, networks, nodes, log }: NodeAnchorsDeps): Reconciler {
  /** What was written, by UID: the cache shows it later, and until then another node would get the same address. */
  const written = new Map<string, string>();
  return {
    name: 'node-anchors',
    async reconcile(_, signal) {
      const range = readCidr(networks.get(NAME.clusterNetwork)?.spec.anchorRange ?? '');
      if (range === undefined) return done;
      const real = nodes.list().filter(isReal);
      forget(written, real);
      const anchorOf = (node: Node) =>
        node.metadata.annotations?.[ANNOTATION.anchorAddress] ?? written.get(node.metadata.uid ?? '');
      const taken = new Map(real.flatMap((node) => pair(node.metadata.name, anchorOf(node))));
      const names = real.map(({ metadata }) => metadata.name);
      const { anchors, failures } = allotAnchors({ anchorRange: range, nodes: names, taken });
      for (const error of failures.values()) log.warn({ error: error.message }, 'a node has no address for peers');
      for (const [name, address] of anchors) {
        const node = nodes.get(name);
        if (node === undefined || anchorOf(node) === address) continue;
        const body = { metadata: { uid: node.metadata.uid, annotations: { [ANNOTATION.anchorAddress]: address } } };
        try {
          await client.patch(NODE, { name }, body, { type: 'merge', fieldManager: FIELD_MANAGER, signal });
        } catch (error) {
          if (!isNotFound(error)) throw error; // the node went meanwhile
        }
        written.set(node.metadata.uid ?? '', address);
      }
      return done;
    },
  };
}

/** Virtual nodes and simulated ones have no host that could speak. */
export function isReal({ metadata: { labels } }: Node): boolean {
  return labels?.['type'] !== 'virtual-kubelet' && labels?.['type'] !== 'kwok';
}

function forget(written: Map<string, string>, nodes: readonly Node[]): void {
  const standing = new Set(nodes.map(({ metadata }) => metadata.uid));
  for (const uid of written.keys()) if (!standing.has(uid)) written.delete(uid);
}

function pair(name: string, address: string | undefined): [string, string][] {
  return address === undefined ? [] : [[name, address]];
}
