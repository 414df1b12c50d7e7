import { DISCOVERED_CLUSTER, type DiscoveredCluster, DISCOVERY, type Discovery, NAME } from '#pkg/api';
import { reportNeighbours } from '#pkg/discovered';
import { type DiscoveryMetrics, mdnsSource } from '#pkg/discovery';
import { type Cluster, CONFIG_MAP } from '#pkg/kube';
import { clusterInfoOf } from '#pkg/peering';
import { type Log, systemClock, type TaskGroup } from '#pkg/runtime';
import type { AgentFlags } from './flags.ts';

interface NeighbourDeps {
  readonly home: Cluster;
  readonly flags: AgentFlags;
  readonly group: TaskGroup;
  readonly metrics: DiscoveryMetrics;
  readonly log: Log;
}

/** Tells the links of this node of the cluster, and the cluster of those that are heard there. */
export function runNeighbours({ home, flags, group, metrics, log }: NeighbourDeps): void {
  const { nodeName, nodeAddress, mdnsInterfaces: interfaces, mdnsLabels: labels, systemNamespace: namespace } = flags;
  const maps = home.informer(CONFIG_MAP, { namespace, fieldSelector: `metadata.name=${NAME.clusterConfigMap}` });
  const informers = {
    discovered: home.informer<DiscoveredCluster>(DISCOVERED_CLUSTER),
    discoveries: home.informer<Discovery>(DISCOVERY),
  };
  for (const [name, cache] of Object.entries({ ...informers, maps })) {
    group.start(`cache of ${name}`, (signal) => cache.run(signal));
  }
  const own = () => {
    const info = clusterInfoOf(maps.get(`${namespace}/${NAME.clusterConfigMap}`));
    return info && { clusterName: info.clusterName, fingerprint: info.fingerprint, addresses: info.addresses, labels };
  };
  const source = mdnsSource({
    nodeName,
    nodeAddress,
    interfaces,
    own,
    onOwn: (handler) => maps.on(() => handler()),
    observer: metrics.observer('MDNS'),
    clock: systemClock,
    log,
  });
  group.start('discovery on the links', async (signal) => {
    // Otherwise everything would look new, and would be written again.
    await Promise.all(Object.values(informers).map((cache) => cache.synced)).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (signal.aborted) return;
    using _followed = metrics.follow(source);
    await reportNeighbours({ client: home.client, informers, source, clock: systemClock, log }, signal);
  });
}
