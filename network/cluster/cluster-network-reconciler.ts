import { isDeepStrictEqual } from 'node:util';
import {
  CLUSTER_NETWORK,
  type ClusterNetwork,
  type ClusterNetworkStatus,
  NAME,
  type Peer,
  setCondition,
  SYSTEM_NAMESPACE,
  typeMeta,
} from '#pkg/api';
import {
  DAEMON_SET,
  type DaemonSet,
  type Informer,
  isNotFound,
  type KubeClient,
  type Node,
  outsideAddresses,
} from '#pkg/kube';
import { type Clock, done, type Log, type Reconciler, requeueAfter } from '#pkg/runtime';
import { isolationCondition } from './isolation-condition.ts';
import { ROTATION_RECHECK_MS, rotateKeys } from './key-rotation.ts';
import { problemOf } from './own-ranges.ts';

export interface ClusterNetworkDeps {
  readonly client: KubeClient;
  readonly networks: Pick<Informer<ClusterNetwork>, 'get'>;
  readonly peers: Pick<Informer<Peer>, 'list'>;
  readonly nodes: Pick<Informer<Node>, 'list'>;
  /** `host:port` (UDP) of the gateway as the admin gave them; empty: found from its Service. */
  readonly configuredEndpoints: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

const FIELD_MANAGER = 'tombolo-network';

/** Node ports and balancers of the gateway are not watched. Peers have to follow within 30 s (NET-23). */
const RECHECK_MS = 10_000;
/** A balancer that is being made, nodes and agents that are about to be Ready. */
const RECHECK_COMING_MS = 5_000;

const AGENTS = { namespace: SYSTEM_NAMESPACE, name: 'tombolo-agent' };
const GATEWAY_SERVICE = { namespace: SYSTEM_NAMESPACE, name: NAME.gatewayService };

/** Keeps the status of the ClusterNetwork: whether the ranges can be used, what keeps twins apart, the gateway's key, and where peers dial it. */
export function clusterNetworkReconciler(deps: ClusterNetworkDeps): Reconciler {
  const { client, networks, nodes, configuredEndpoints, clock } = deps;
  return {
    name: 'cluster-network',
    async reconcile(name, signal) {
      const network = networks.get(name);
      if (network === undefined) return done;
      const problem = problemOf(network);
      const update =
        problem === undefined
          ? ({ type: 'Valid', status: 'True', reason: 'AsExpected', message: 'the ranges can be used' } as const)
          : ({ type: 'Valid', status: 'False', reason: 'RangesOverlap', message: problem } as const);
      const found =
        configuredEndpoints.length > 0
          ? [...configuredEndpoints]
          : await outsideAddresses(client, GATEWAY_SERVICE, signal, nodes.list());
      const isolated = isolationCondition(network, await agentsOf(client, signal));
      const now = clock.wall();
      const { keys, isUnderWay } = await rotateKeys(deps, network, now, signal);
      await write(
        deps,
        network,
        {
          publicKey: keys.publicKey,
          ...(keys.nextPublicKey !== undefined && { nextPublicKey: keys.nextPublicKey }),
          endpoints: found,
          conditions: setCondition(setCondition(network.status?.conditions, update, now), isolated, now),
        },
        signal,
      );
      if (isUnderWay) return requeueAfter(ROTATION_RECHECK_MS);
      const isComing = found.length === 0 || isolated.reason === 'AgentsNotReady';
      return requeueAfter(isComing ? RECHECK_COMING_MS : RECHECK_MS);
    },
  };
}

async function agentsOf(client: KubeClient, signal: AbortSignal): Promise<DaemonSet | undefined> {
  try {
    return await client.get<DaemonSet>(DAEMON_SET, AGENTS, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function write(
  { client }: ClusterNetworkDeps,
  { metadata: { name, uid }, status: standing }: ClusterNetwork,
  status: ClusterNetworkStatus,
  signal: AbortSignal,
): Promise<void> {
  if (isDeepStrictEqual(standing ?? {}, status)) return;
  const metadata = { name, ...(uid !== undefined && { uid }) };
  const options = { fieldManager: FIELD_MANAGER, force: true, subresource: 'status', signal };
  try {
    await client.apply<ClusterNetwork>(CLUSTER_NETWORK, { ...typeMeta(CLUSTER_NETWORK), metadata, status }, options);
  } catch (error) {
    if (!isNotFound(error)) throw error; // it went meanwhile
  }
}
