import { ownRangesProblem } from '#network/ipam';
import { CLUSTER_NETWORK, type ClusterNetwork, setCondition, typeMeta } from '#pkg/api';
import { type Informer, isNotFound, type KubeClient } from '#pkg/kube';
import { type Clock, done, type Reconciler } from '#pkg/runtime';

/** What is wrong with the ranges of this cluster, in a sentence; undefined where nothing is. */
export function problemOf({ spec }: ClusterNetwork): string | undefined {
  const named = (what: string, ranges: readonly string[] = []) => ranges.map((range) => ({ what, range }));
  return ownRangesProblem([
    ...named('pod range', spec.podRanges),
    ...named('service range', spec.serviceRanges),
    ...named('node range', spec.nodeRanges),
    ...named('anchor range', [spec.anchorRange]),
  ]);
}

const FIELD_MANAGER = 'tombolo-network';

/** Says on the ClusterNetwork whether its ranges can be used. */
export function ownNetworkReconciler(deps: {
  client: KubeClient;
  networks: Pick<Informer<ClusterNetwork>, 'get'>;
  clock: Clock;
}): Reconciler {
  return {
    name: 'cluster-network',
    async reconcile(name, signal) {
      const network = deps.networks.get(name);
      if (network === undefined) return done;
      const problem = problemOf(network);
      const update =
        problem === undefined
          ? ({ type: 'Valid', status: 'True', reason: 'AsExpected', message: 'the ranges can be used' } as const)
          : ({ type: 'Valid', status: 'False', reason: 'RangesOverlap', message: problem } as const);
      const stored = network.status?.conditions;
      const conditions = setCondition(stored, update, deps.clock.wall());
      if (conditions === stored) return done;
      const { uid } = network.metadata;
      const metadata = { name, ...(uid !== undefined && { uid }) };
      const options = { fieldManager: FIELD_MANAGER, force: true, subresource: 'status', signal };
      try {
        await deps.client.apply<ClusterNetwork>(
          CLUSTER_NETWORK,
          { ...typeMeta(CLUSTER_NETWORK), metadata, status: { conditions } },
          options,
        );
      } catch (error) {
        if (!isNotFound(error)) throw error; // it went meanwhile
      }
      return done;
    },
  };
}
