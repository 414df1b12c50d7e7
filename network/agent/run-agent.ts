import { problemOf } from '#network/cluster';
import { OVERLAY_DEVICE } from '#network/gateway';
import { flushRange, NatTable, renderAgentTable } from '#network/nat';
import { linkMtu, Overlay } from '#network/overlay';
import { type ClusterNetwork, NAME, type Peer } from '#pkg/api';
import type { Informer, KubeClient, Lease, Node } from '#pkg/kube';
import { type Clock, errorFields, levelLoop, type Log } from '#pkg/runtime';
import { type NodeProblem, problemOf as nodeProblemOf, writeProblem } from './node-problem.ts';
import { planAgent } from './plan-agent.ts';
import { IsolationTables } from './isolation-tables.ts';
import { OverlayBridges } from './overlay-bridges.ts';

export interface AgentDeps {
  readonly client: KubeClient;
  /** Run by the caller. */
  readonly informers: {
    readonly networks: Informer<ClusterNetwork>;
    /** Our own node, and nothing else. */
    readonly nodes: Informer<Node>;
    readonly peers: Informer<Peer>;
    /** The gateway's, and nothing else. */
    readonly leases: Informer<Lease>;
  };
  readonly nodeName: string;
  readonly nodeAddress: string;
  readonly overlayPort: number;
  readonly reversePath: 'strict' | 'off';
  readonly clock: Clock;
  readonly log: Log;
}

/** Changes made by hand are found within this time. */
const CHECK_MS = 30_000;

/** To say on the Node what is wrong. */
const TELL_MS = 5_000;

/**
 * Keeps the node's part of the network until `signal` aborts, and leaves it there: pods go on while the agent is exchanged.
 * What is no longer wanted at all, `cleanupNode` takes away.
 */
export async function runAgent(deps: AgentDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, nodeName, nodeAddress, clock, log } = deps;
  const { networks, nodes, peers, leases } = informers;
  await Promise.all(Object.values(informers).map((informer) => informer.synced));
  const overlay = new Overlay();
  let nat = new NatTable();
  let bridges = new OverlayBridges();
  let applied = '';
  let ranges: readonly string[] = [];
  let checkedMs = -Infinity;
  const connect = async (inner: AbortSignal): Promise<void> => {
    const network = networks.get(NAME.clusterNetwork);
    const node = nodes.get(nodeName);
    if ((network === undefined || node === undefined) && applied !== '') {
      const why = network === undefined ? 'this cluster has no network of ours' : 'this node is none of the cluster';
      log.info({}, `${why} any more: the node is cleaned`);
      await cleanupNode(inner);
      nat = new NatTable();
      bridges = new OverlayBridges();
      applied = '';
    }
    // Nothing is built on ranges that cannot be right; the object says so, and its change brings us back.
    if (network === undefined || node === undefined || problemOf(network) !== undefined) return;
    const plan = planAgent({
      network,
      node,
      peers: peers.list(),
      lease: leases.list()[0],
      nodeAddress,
      linkBytes: await linkMtu(nodeAddress),
      overlayPort: deps.overlayPort,
      reversePath: deps.reversePath,
    });
    if (plan === undefined) return;
    const text = JSON.stringify(plan);
    const isSame = text === applied;
    if (isSame && clock.now() - checkedMs < CHECK_MS) return;
    const steps = await overlay.apply(plan.overlay, inner);
    const outcome = await nat.apply(renderAgentTable(plan.nat), inner);
    const isBridgeRepaired = await bridges.apply(plan.bridges, inner);
    // Of ranges that went, and of new ones: what was sent there before is masqueraded as long as it goes on.
    for (const range of new Set(plan.nat.peerRanges).symmetricDifference(new Set(ranges))) {
      await flushRange(range, inner);
    }
    ranges = plan.nat.peerRanges;
    const repaired = [...steps, ...(outcome === 'repaired' || isBridgeRepaired ? ['packet rules'] : [])];
    if (isSame && repaired.length > 0) log.warn({ repaired }, 'what somebody changed was put right');
    applied = text;
    const foreign = await overlay.foreignRoute(plan.overlay, inner);
    if (foreign !== undefined) throw foreign; // and look again soon
    checkedMs = clock.now();
  };
  const say = async (problem: NodeProblem | undefined): Promise<void> => {
    const node = nodes.get(nodeName);
    if (node === undefined) return;
    await writeProblem(client, node, problem, clock.wall(), AbortSignal.any([signal, AbortSignal.timeout(TELL_MS)]));
  };
  const loop = levelLoop({
    name: 'agent',
    everyMs: CHECK_MS,
    clock,
    log,
    async work(inner) {
      try {
        await connect(inner);
      } catch (error) {
        await say(nodeProblemOf(error)).catch((failure: unknown) => {
          // The log has the error itself, and the next try says it again.
          log.debug(errorFields(failure), 'the node cannot be told what is wrong');
        });
        throw error;
      }
      await say(undefined);
    },
  });
  using _networks = networks.on(() => loop.poke());
  using _nodes = nodes.on(() => loop.poke());
  using _peers = peers.on(() => loop.poke());
  using _leases = leases.on(() => loop.poke());
  await loop.run(signal);
}

/** Takes everything of ours from this node. Safe in any state, twice, and after a crash. */
export async function cleanupNode(signal: AbortSignal): Promise<void> {
  await new Overlay().cleanup(OVERLAY_DEVICE, signal);
  await new NatTable().cleanup(signal);
  await new OverlayBridges().cleanup(signal);
  await new IsolationTables().cleanup(signal);
}
