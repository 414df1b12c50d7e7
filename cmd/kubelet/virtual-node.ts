import type { ApiAccess, VirtualNode } from '#pkg/api';
import type { Cluster, EventRecorder, Informer } from '#pkg/kube';
import { type Authenticate, type ClientAuthorities, runVirtualNode } from '#pkg/node';
import type { PeerCluster } from '#pkg/peering';
import { type Log, systemClock, TaskGroup } from '#pkg/runtime';
import type { TwinTable } from '#reflectors/framework';
import { createPodReflector, type PodSource } from '#reflectors/pod';
import { foreignResources } from './foreign-resources.ts';
import type { PeerNetworkView } from './peer-network.ts';
import { readiness } from './readiness.ts';

/** What all virtual nodes of the process share. */
export interface NodeDeps {
  readonly home: Cluster;
  readonly virtualNodes: Informer<VirtualNode>;
  readonly authenticate: Authenticate;
  readonly clientAuthorities: ClientAuthorities;
  readonly events: EventRecorder;
  readonly address: string;
  readonly basePort: number;
  readonly signerName: string;
  readonly version: string;
  readonly denyPrefixes: (homeNamespace: string) => readonly string[];
  readonly onDenyChange: (handler: () => void) => Disposable;
  /** Those of all virtual nodes of the peer; a node adds its own while it is served. */
  readonly podSources: Set<PodSource>;
  readonly network: PeerNetworkView;
  /** Whether this cluster has a gateway, so that a tunnel to each peer is to be expected. */
  readonly hasGateway: boolean;
  readonly apiAccess: (homeNamespace: string) => ApiAccess | undefined;
  readonly log: Log;
}

/** One virtual node: the Node with its endpoint, and its pods. Ends when the signal or the connection to the peer does. */
export async function serveVirtualNode(
  name: string,
  peerCluster: PeerCluster,
  twins: TwinTable,
  deps: NodeDeps,
  signal: AbortSignal,
): Promise<void> {
  const { home, virtualNodes, log } = deps;
  const virtualNode = () => virtualNodes.get(name);
  const onVirtualNode = (handler: () => void) =>
    virtualNodes.on((old, current) => {
      if ((current ?? old)?.metadata.name === name) handler();
    });
  const ready = readiness();
  const foreign = foreignResources();
  const pods = createPodReflector({
    home,
    remote: peerCluster,
    nodeName: name,
    nodeAddress: () => deps.address,
    twins,
    placement: () => virtualNode()?.spec.placement ?? {},
    grant: () => ({ granted: virtualNode()?.status?.granted, cordoned: virtualNode()?.status?.cordoned }),
    foreignResources: foreign.get,
    translate: deps.network.translate,
    onTranslation: deps.network.onTranslation,
    denyPrefixes: deps.denyPrefixes,
    onDenyChange: deps.onDenyChange,
    apiAccess: deps.apiAccess,
    homeApi: () => {
      const isPossible = deps.network.isWanted();
      return { address: deps.network.homeApiAddress(), isExpected: deps.hasGateway && isPossible, isPossible };
    },
    events: deps.events,
    clock: systemClock,
    log,
    isReady: ready.isReady,
    onReadyChange: ready.on,
    onGrantChange: onVirtualNode,
  });
  deps.podSources.add(pods.pods);
  using _source = { [Symbol.dispose]: () => void deps.podSources.delete(pods.pods) };
  await using group = new TaskGroup(AbortSignal.any([signal, peerCluster.signal]));
  group.start(`pods of ${name}`, async (inner) => {
    await foreign.known(inner); // before, a resource that is no part of the grant looks like one that is (POD-10)
    await pods.run(inner);
  });
  group.start(`node ${name}`, (inner) =>
    runVirtualNode(
      {
        home,
        peerCluster,
        name,
        virtualNode,
        onVirtualNode,
        pods: pods.pods,
        addresses: [deps.address],
        basePort: deps.basePort,
        authenticate: deps.authenticate,
        clientAuthorities: deps.clientAuthorities,
        signerName: deps.signerName,
        version: deps.version,
        network: deps.network.health,
        onReadyChange: ready.set,
        onForeignResources: foreign.set,
        log,
      },
      inner,
    ),
  );
  await group.settled;
}
