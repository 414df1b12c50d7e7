import { cleanupNode, runAgent, runIsolation, writeProblem } from '#network/agent';
import { OFFER_SELECTOR, trimNodeToAddresses, trimToAddresses } from '#network/isolation';
import { CLUSTER_NETWORK, type ClusterNetwork, LABEL, NAME, PEER, type Peer } from '#pkg/api';
import { discoveryMetrics } from '#pkg/discovery';
import {
  connectCluster,
  DAEMON_SET,
  ENDPOINT_SLICE,
  firstUnsynced,
  inClusterConfig,
  KubeError,
  type KubeClient,
  kubeMetrics,
  type KubeObject,
  LEASE,
  NAMESPACE,
  NODE,
  POD,
  runCaches,
} from '#pkg/kube';
import { errorFields, loopLag, systemClock, TaskGroup } from '#pkg/runtime';
import { createLogger, createRegistry, serveHealth } from '#pkg/telemetry';
import type { AgentFlags } from './flags.ts';
import { runNeighbours } from './neighbours.ts';

/** For the last question and the cleaning, within the pod's grace period. */
const END_MS = 10_000;

/** Everything of the process; connects nothing before `run`. */
export function buildAgent(flags: AgentFlags): { run(signal: AbortSignal): Promise<void> } {
  const log = createLogger({ name: 'tombolo-agent', level: flags.logLevel });
  const registry = createRegistry();
  return {
    async run(signal) {
      using lag = loopLag();
      await using home = connectCluster(inClusterConfig(flags.clusterName), {
        log,
        metrics: await kubeMetrics(registry),
      });
      const informers = {
        networks: home.informer<ClusterNetwork>(CLUSTER_NETWORK),
        nodes: home.informer(NODE, { fieldSelector: `metadata.name=${flags.nodeName}` }),
        peers: home.informer<Peer>(PEER),
        leases: home.informer(LEASE, {
          namespace: flags.systemNamespace,
          fieldSelector: `metadata.name=${NAME.gatewayLease}`,
        }),
      };
      // Pods of twins and those of this node, never all of the cluster on each node.
      const around = {
        namespaces: home.informer<KubeObject>(NAMESPACE, { labelSelector: LABEL.origin, metadataOnly: true }),
        allNodes: home.informer(NODE, { transform: trimNodeToAddresses }),
        twinPods: home.informer(POD, { labelSelector: LABEL.origin, transform: trimToAddresses }),
        podsHere: home.informer(POD, { fieldSelector: `spec.nodeName=${flags.nodeName}`, transform: trimToAddresses }),
        offers: home.informer(ENDPOINT_SLICE, { labelSelector: OFFER_SELECTOR }),
        dnsSlices: home.informer(ENDPOINT_SLICE, { namespace: 'kube-system' }),
        apiSlices: home.informer(ENDPOINT_SLICE, {
          namespace: 'default',
          labelSelector: 'kubernetes.io/service-name=kubernetes',
        }),
      };
      let isIsolated = false;
      const group = new TaskGroup(signal);
      runCaches({ ...informers, ...around }, group);
      const health = {
        port: flags.healthPort,
        registry,
        loopLagMs: () => lag.maxMs(),
        notReady: () => firstUnsynced({ ...informers, ...around }) ?? (isIsolated ? undefined : 'isolation of twins'),
      };
      group.start('health', (inner) => serveHealth(health, inner));
      group.start('agent', (inner) =>
        runAgent(
          {
            client: home.client,
            informers,
            nodeName: flags.nodeName,
            nodeAddress: flags.nodeAddress,
            overlayPort: flags.overlayPort,
            reversePath: flags.reversePath,
            clock: systemClock,
            log,
          },
          inner,
        ),
      );
      if (flags.mdns === 'true') {
        runNeighbours({ home, flags, group, metrics: await discoveryMetrics(registry), log });
      }
      group.start('isolation', (inner) =>
        runIsolation(
          {
            informers: { ...around, networks: informers.networks, peers: informers.peers, leases: informers.leases },
            nodeName: flags.nodeName,
            onApplied: () => {
              isIsolated = true;
            },
            clock: systemClock,
            log,
          },
          inner,
        ),
      );
      await group.settled;
      const ending = AbortSignal.timeout(END_MS);
      if (await isUninstalled(home.client, flags.systemNamespace, ending)) {
        log.info({}, 'Tombolo is being uninstalled: the node is cleaned');
        await cleanupNode(ending);
        const node = informers.nodes.get(flags.nodeName);
        if (node === undefined) return;
        await writeProblem(home.client, node, undefined, systemClock.wall(), ending).catch((error: unknown) => {
          // Only where it was not well and the right to write went first: then the condition stays, and says since when.
          log.warn(errorFields(error), 'the Node goes on saying that it is not connected');
        });
      }
    },
  };
}

/**
 * Whether this agent has no successor: its DaemonSet is gone or going, or the right to ask went with it. Where the API
 * gives no answer it is taken to stay: a node that keeps its routes harms nobody.
 */
async function isUninstalled(client: KubeClient, namespace: string, signal: AbortSignal): Promise<boolean> {
  try {
    const found = await client.get(DAEMON_SET, { namespace, name: 'tombolo-agent' }, { signal });
    return found.metadata.deletionTimestamp !== undefined;
  } catch (error) {
    return error instanceof KubeError && [401, 403, 404].includes(error.status);
  }
}
