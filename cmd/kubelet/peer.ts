import type { Offloading, Peer, ReflectionPolicy } from '#pkg/api';
import { type Informer, type KubeObject, POD, type Resource } from '#pkg/kube';
import type { PeerCluster, PeerClusters } from '#pkg/peering';
import { keyedTasks, TaskGroup } from '#pkg/runtime';
import { configMapReflector } from '#reflectors/config-map';
import { endpointSliceReflector } from '#reflectors/endpoint-slice';
import { runEventReflector } from '#reflectors/event';
import { homeObjects, offloadingTwins, runReflectors } from '#reflectors/framework';
import { ingressReflector } from '#reflectors/ingress';
import { secretReflector } from '#reflectors/secret';
import { serviceNotices, type OfferView, type ServiceNotices, serviceReflector } from '#reflectors/service';
import type { PodSource } from '#reflectors/pod';
import { peerOffers } from './peer-offers.ts';
import { peerNetwork } from './peer-network.ts';
import { type NodeDeps, serveVirtualNode } from './virtual-node.ts';

export interface PeerDeps extends Omit<NodeDeps, 'network' | 'podSources'> {
  readonly peers: PeerClusters;
  readonly peerObjects: Informer<Peer>;
  readonly offloadings: Informer<Offloading>;
  readonly policies: Informer<ReflectionPolicy>;
}

/** Everything of one peer: its virtual nodes, and copies of the objects of offloaded namespaces. Goes on with each new connection to it. */
export async function servePeer(peer: string, deps: PeerDeps, signal: AbortSignal): Promise<void> {
  const offered = peerOffers(deps.virtualNodes, peer);
  const notices = serviceNotices({ peer, policies: deps.policies, events: deps.events, ...offered });
  while (!signal.aborted) {
    const connection = await connected(peer, deps.peers, signal);
    await serveConnection(connection, { ...deps, notices, offered }, AbortSignal.any([signal, connection.signal]));
  }
}

/** Waits for a connection to the peer. Rejects with the reason of the signal. */
function connected(peer: string, peers: PeerClusters, signal: AbortSignal): Promise<PeerCluster> {
  return new Promise((done, fail) => {
    const look = () => {
      const connection = peers.get(peer);
      if (connection === undefined || connection.signal.aborted) return;
      end();
      done(connection);
    };
    const onAbort = () => {
      end();
      fail(signal.reason);
    };
    const subscription = peers.on((name) => {
      if (name === peer) look();
    });
    const end = () => {
      subscription[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else look();
  });
}

async function serveConnection(
  connection: PeerCluster,
  deps: PeerDeps & { readonly notices: ServiceNotices; readonly offered: OfferView },
  signal: AbortSignal,
): Promise<void> {
  const { virtualNodes, home, events, policies, offered } = deps;
  const { peer } = connection;
  const log = deps.log.child({ peer });
  const twins = offloadingTwins(deps.offloadings, peer);
  const network = peerNetwork(deps.peerObjects, peer);
  const podSources = new Set<PodSource>();
  await using group = new TaskGroup(signal);
  await using nodes = keyedTasks(
    group.signal,
    (name, inner) => serveVirtualNode(name, connection, twins, { ...deps, network, podSources, log }, inner),
    { log },
  );
  const follow = () => {
    const mine = virtualNodes.list().filter((virtualNode) => virtualNode.spec.peer === peer);
    nodes.set(mine.map((virtualNode) => virtualNode.metadata.name));
  };
  using _nodes = virtualNodes.on(follow);
  follow();
  const isOwnNode = (name: string) => virtualNodes.get(name)?.spec.peer === peer;
  const services = serviceReflector(offered);
  const reflectors = [
    configMapReflector,
    secretReflector,
    services,
    endpointSliceReflector({ isOwnNode }),
    ingressReflector(() => offered.offers().ingressClass, offered.onOffers),
  ];
  const objects = homeObjects(home, reflectors);
  using _notices = deps.notices.follow(objects.of(services), twins);
  group.start(`objects here for ${peer}`, (inner) => objects.run(inner));
  group.start(`objects for ${peer}`, (inner) =>
    runReflectors({ home, remote: connection, twins, reflectors, policies, events, log, homeObjects: objects }, inner),
  );
  const localOf = (resource: Resource, key: string): KubeObject | undefined => {
    if (resource === POD) return [...podSources].map((source) => source.get(key)).find((pod) => pod !== undefined);
    const reflector = reflectors.find((one) => one.resource === resource);
    return reflector === undefined ? undefined : objects.of(reflector).get(key);
  };
  const kinds = reflectors.map(({ resource }) => resource);
  group.start(`events of ${peer}`, (inner) =>
    runEventReflector({ home, remote: connection, twins, kinds, localOf, log }, inner),
  );
  await group.settled;
}
