import { problemOf } from '#network/cluster';
import { OVERLAY_DEVICE } from '#network/gateway';
import { isolationMembers, isolationState, offersOf } from '#network/isolation';
import { type ClusterNetwork, NAME, type Peer } from '#pkg/api';
import type { EndpointSlice, Informer, KubeObject, Lease, Node, Pod } from '#pkg/kube';
import { type Clock, levelLoop, type Log, pokeSoon } from '#pkg/runtime';
import { IsolationTables } from './isolation-tables.ts';

export interface IsolationDeps {
  /** Run by the caller. */
  readonly informers: {
    readonly networks: Informer<ClusterNetwork>;
    readonly peers: Informer<Peer>;
    /** Namespaces with the origin label. */
    readonly namespaces: Informer<KubeObject>;
    /** All, trimmed by `trimNodeToAddresses`. */
    readonly allNodes: Informer<Node>;
    /** Of twins, in the whole cluster; trimmed by `trimToAddresses`. An admission policy keeps their label on them. */
    readonly twinPods: Informer<Pod>;
    /** All of this node; trimmed by `trimToAddresses`. */
    readonly podsHere: Informer<Pod>;
    /** Slices with the offer label. */
    readonly offers: Informer<EndpointSlice>;
    readonly dnsSlices: Informer<EndpointSlice>;
    readonly apiSlices: Informer<EndpointSlice>;
    /** The gateway's, and nothing else. */
    readonly leases: Informer<Lease>;
  };
  readonly nodeName: string;
  /** The rules stand, as they are wanted now. */
  readonly onApplied: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Changes made by hand are found within this time. */
const CHECK_MS = 30_000;

/** Pods on other nodes come and go by hundreds, and their own agents keep them apart meanwhile. */
const PODS_MS = 200;

/**
 * Keeps twins apart from what else is in this cluster, on this node, until `signal` aborts; the rules stay then, as the
 * rest of the agent's does. `ClusterNetwork.spec.isolation` false, or the end of the Node, takes them away (NET-39).
 */
export async function runIsolation(deps: IsolationDeps, signal: AbortSignal): Promise<void> {
  const { informers, nodeName, clock, log } = deps;
  await Promise.all(Object.values(informers).map((informer) => informer.synced));
  const tables = new IsolationTables();
  let isOpen = false;
  let checkedMs = -Infinity;
  const loop = levelLoop({
    name: 'isolation',
    everyMs: CHECK_MS,
    clock,
    log,
    async work(inner) {
      const network = informers.networks.get(NAME.clusterNetwork);
      const isNode = informers.allNodes.get(nodeName) !== undefined;
      if (network === undefined || network.spec.isolation === false || !isNode) {
        if (!isOpen) await tables.cleanup(inner);
        isOpen = true;
        deps.onApplied();
        return;
      }
      if (problemOf(network) !== undefined) return; // the object says so, and its change brings us back
      const [peers, namespaces] = [informers.peers.list(), informers.namespaces.list()];
      const state = isolationState({ network, peers, namespaces }, OVERLAY_DEVICE);
      const members = isolationMembers({
        network,
        peers,
        namespaces,
        nodes: informers.allNodes.list(),
        pods: distinct([...informers.twinPods.list(), ...informers.podsHere.list()]),
        offer: offersOf(informers.offers.list(), namespaces),
        systemSlices: [...informers.dnsSlices.list(), ...informers.apiSlices.list()],
        gatewayLease: informers.leases.list()[0],
        nodeName,
      });
      const isCheck = clock.now() - checkedMs >= CHECK_MS;
      const isRepaired = await tables.apply(state, members, isCheck, inner);
      if (isRepaired) log.warn({ repaired: ['isolation'] }, 'what somebody changed was put right');
      if (isCheck) checkedMs = clock.now();
      isOpen = false;
      deps.onApplied();
    },
  });
  using stack = new DisposableStack();
  const soon = stack.use(pokeSoon(loop, PODS_MS, clock));
  for (const informer of Object.values(informers) as Informer<KubeObject>[]) {
    const target = informer === (informers.twinPods as Informer<KubeObject>) ? soon : loop;
    stack.use(
      // Of heartbeats and the like nothing is left in a trimmed object but its version, and of a Lease's its time.
      informer.on((old, current) => {
        if (contentOf(old) !== contentOf(current)) target.poke();
      }),
    );
  }
  await loop.run(signal);
}

const HEARTBEAT_FIELDS = new Set(['resourceVersion', 'renewTime']);

function contentOf(object: KubeObject | undefined): string {
  return JSON.stringify(object, (key, value) => (HEARTBEAT_FIELDS.has(key) ? undefined : value)) ?? '';
}

function distinct(pods: readonly Pod[]): Pod[] {
  return [...new Map(pods.map((pod) => [`${pod.metadata.namespace}/${pod.metadata.name}`, pod])).values()];
}
